"""The limit of BLAS to one thread, for computations in several threads."""

from contextlib import ExitStack

from threadpoolctl import threadpool_info, threadpool_limits

from estimators.threads import one_blas_thread


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_blas_has_one_thread_until_the_last_of_several_trainings_has_ended():
    with threadpool_limits(2):
        with ExitStack() as first:
            first.enter_context(one_blas_thread)
            with one_blas_thread:
                first.close()
                assert blas_threads() == {1}
        assert blas_threads() == {2}
