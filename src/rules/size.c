#include "rules/size.h"

#include <procpool.h>

/* x, not negative, rounded to the nearest integer, half to even. */
static int
round_half_even(double x)
{
	const int floor = (int)x;
	const double rest = x - floor;

	if (rest > 0.5 || (rest == 0.5 && floor % 2 != 0))
		return floor + 1;
	return floor;
}

int
pp_size_resolve(
    int n_jobs, double fraction, bool oversubscribe, int cpus, int *n)
{
	/* Written so that NaN is refused too. */
	if (fraction != 0 && !(fraction > 0 && fraction <= 1))
		return PROCPOOL_EFRACTION;
	if (n_jobs < -1)
		return PROCPOOL_ESIZE;
	if (fraction != 0 && n_jobs != 0)
		return PROCPOOL_ETWOSIZES;

	if (fraction != 0) {
		*n = round_half_even(cpus * fraction);
		if (*n < 1)
			*n = 1;
	} else if (n_jobs <= 0 || (n_jobs > cpus && !oversubscribe)) {
		*n = cpus;
	} else {
		*n = n_jobs;
	}
	return 0;
}
