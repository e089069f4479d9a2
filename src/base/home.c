#include "base/home.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

_Atomic(atomic_int *) pp_home_word;

/* Make the page: by one thread of one process, for it and all its copies. */
static int
make_word(void)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	atomic_int *none = NULL;
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	if (madvise(page, size, MADV_WIPEONFORK) < 0) {
		const int rc = -errno;

		(void)munmap(page, size);
		return rc;
	}
	if (!atomic_compare_exchange_strong(&pp_home_word, &none, page))
		(void)munmap(page, size); /* another thread was first */
	return 0;
}

int
pp_home_init(struct home *home)
{
	int rc = 0, nobody = 0;
	atomic_int *word;

	if (atomic_load(&pp_home_word) == NULL)
		rc = make_word();
	if (rc < 0)
		return rc;
	word = atomic_load(&pp_home_word);
	(void)atomic_compare_exchange_strong(word, &nobody, (int)getpid());
	home->pid = atomic_load(word);
	return 0;
}
