#include "base/home.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int
pp_home_init(struct home *home)
{
	void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	if (madvise(page, page_size(), MADV_WIPEONFORK) < 0) {
		const int rc = -errno;

		(void)munmap(page, page_size());
		return rc;
	}
	home->word = page;
	*home->word = 1;
	return 0;
}

void
pp_home_done(struct home *home)
{
	if (home->word != NULL)
		(void)munmap((void *)(uintptr_t)home->word, page_size());
	home->word = NULL;
}
