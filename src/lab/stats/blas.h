/* The one home of LAPACKE and CBLAS settings: the dense algebra of this room runs on one OpenBLAS
 * thread, always; parallel work comes from as_pool, over independent tasks. */
#ifndef AS_LAB_STATS_BLAS_H
#define AS_LAB_STATS_BLAS_H

/* Sets OpenBLAS to one thread for the whole process. Call once, from main, before any other thread
 * exists and before logistic, crossval, labelnull or pca are used; those abort (AS_CHECK) when
 * OpenBLAS would use more, because its sums then depend on the number of threads. */
void as_stats_init(void);

#endif
