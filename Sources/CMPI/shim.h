// The part of MPI that processes exchange gradients by. MPI's handles are macros, which Swift does not see.
#pragma once

#include <mpi.h>
#include <stdint.h>

typedef MPI_Request CMPIRequest;

/// Errors are returned from here on.
static inline int cmpi_begin(void) {
    int provided = 0;
    int status = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    return status == MPI_SUCCESS ? MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) : status;
}

static inline int cmpi_rank(void) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

static inline int cmpi_processes(void) {
    int processes = 1;
    MPI_Comm_size(MPI_COMM_WORLD, &processes);
    return processes;
}

/// Whether `request` is done is written to `done`.
static inline int cmpi_test(CMPIRequest *request, int *done) { return MPI_Test(request, done, MPI_STATUS_IGNORE); }

/// all[p] = own of process p
static inline int cmpi_gather_number(const int64_t *own, int64_t *all, CMPIRequest *request) {
    return MPI_Iallgather(own, 1, MPI_INT64_T, all, 1, MPI_INT64_T, MPI_COMM_WORLD, request);
}

static inline int cmpi_gather_bytes(
    const void *own, int count, void *all, const int *counts, const int *places, CMPIRequest *request) {
    return MPI_Iallgatherv(own, count, MPI_BYTE, all, counts, places, MPI_BYTE, MPI_COMM_WORLD, request);
}

static inline int cmpi_trade(
    const float *sent, const int *counts, const int *places, float *received, const int *received_counts,
    const int *received_places, CMPIRequest *request) {
    return MPI_Ialltoallv(
        sent, counts, places, MPI_FLOAT, received, received_counts, received_places, MPI_FLOAT, MPI_COMM_WORLD, request);
}

/// Each process's stretch of `values` stands in its place already.
static inline int cmpi_share(float *values, const int *counts, const int *places, CMPIRequest *request) {
    return MPI_Iallgatherv(
        MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values, counts, places, MPI_FLOAT, MPI_COMM_WORLD, request);
}

static inline int cmpi_end(void) { return MPI_Finalize(); }

static inline int cmpi_abort(int status) { return MPI_Abort(MPI_COMM_WORLD, status); }
