/*
 * The argument of --jobs.
 */
#ifndef PP_JOBS_H
#define PP_JOBS_H

/*
 * Understand the size of a pool as written by a user: a count from 1 ("4"), a
 * percentage above 0 and up to 100 ("50%", "12.5%"), a fraction above 0 and up
 * to 1 with its point ("0.5", "1.0"), or "-1" for all.
 *
 * n_jobs, fraction   set as for struct procpool_options: one of them is 0
 *
 * Returns 0 or -1.
 */
int pp_jobs_parse(const char *text, int *n_jobs, double *fraction);

#endif
