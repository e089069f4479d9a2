/*
 * gzip: a real job with a library, zlib.
 *
 *     gzip <FILE >FILE.gz
 *
 * compresses stdin to stdout, in blocks.  Each becomes a gzip file of its own,
 * and such files one after the other are one again.
 *
 *     cc -o gzip gzip.c $(pkg-config --cflags --libs procpool zlib)
 *
 * Notice the ring of batches of one task each: blocks are compressed at the
 * same time and written in order, and WINDOW of them are in memory at most.
 */
#include <procpool.h>

#include <errno.h>
#include <stdio.h>
#include <zlib.h>

enum {
	BLOCK = 256 << 10,
	WINDOW = 64,
	GZIP = 15 + 16 /* for zlib: the largest window, and gzip's format */
};

static int
compress_block(struct procpool_job *job, const void *arg, size_t len)
{
	z_stream z = { .next_in = (Bytef *)arg, .avail_in = (uInt)len };
	uLong most;
	Bytef *out;
	int rc;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return procpool_fail(job, 1, "zlib has no memory");
	most = deflateBound(&z, len);
	out = procpool_reserve(job, most); /* NULL would be Z_STREAM_ERROR */
	z.next_out = out;
	z.avail_out = (uInt)most;
	rc = deflate(&z, Z_FINISH);
	deflateEnd(&z);
	if (rc != Z_STREAM_END)
		return procpool_fail(job, 2, "zlib: error %d", rc);
	return procpool_return(job, out, z.total_out);
}

/* Wait for a block and write it, unless something has failed before. */
static int
write_block(struct procpool_batch **slot, int rc)
{
	const struct procpool_result *result;

	if (*slot == NULL)
		return rc;
	if (rc == 0)
		rc = procpool_batch_wait(*slot, -1);
	if (rc == 0)
		rc = procpool_batch_result(*slot, 0, &result);
	if (rc == 0)
		rc = result->outcome;
	if (rc == 0 &&
	    fwrite(result->data, 1, result->len, stdout) != result->len)
		rc = -errno;
	procpool_batch_close(*slot);
	*slot = NULL;
	return rc;
}

static int
compress_stdin(struct procpool *pool)
{
	static char block[BLOCK];
	struct procpool_batch *ring[WINDOW] = { 0 };
	size_t i, n = BLOCK;
	int rc = 0;

	/* The last block is short; that of an empty file is empty. */
	for (i = 0; rc == 0 && n == BLOCK; i++) {
		struct procpool_batch **slot = &ring[i % WINDOW];

		rc = write_block(slot, rc);
		n = fread(block, 1, BLOCK, stdin);
		if (rc == 0)
			rc = procpool_batch_open(slot, pool, 1);
		if (rc == 0)
			rc = procpool_batch_add(*slot, block, n);
	}
	for (size_t end = i + WINDOW; i < end; i++)
		rc = write_block(&ring[i % WINDOW], rc);
	return rc == 0 && (ferror(stdin) || fflush(stdout) != 0) ? -EIO : rc;
}

int
main(void)
{
	struct procpool_options options = { .entry_point = compress_block };
	struct procpool *pool;
	int rc = procpool_open(&pool, &options);

	if (rc == 0) {
		rc = compress_stdin(pool);
		procpool_close(pool);
	}
	if (rc < 0)
		fprintf(stderr, "gzip: %s\n", procpool_strerror(rc));
	return rc < 0;
}
