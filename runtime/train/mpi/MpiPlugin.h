// What the shared library llmc_mpi offers, in C: it alone is linked with MPI, and is only loaded
// where mpirun has started the process, so that nobody else waits for MPI.
#ifndef LLMC_RUNTIME_TRAIN_MPI_MPIPLUGIN_H
#define LLMC_RUNTIME_TRAIN_MPI_MPIPLUGIN_H

#include <stdint.h>

extern "C" {

struct LlmcMpi {
  int rank, size;
  // Each returns null, or an error as text that stays.
  // Begins the sum over all processes of `count` numbers in place, f64 or f32.
  const char *(*beginSum)(void *values, int64_t count, int isDouble);
  const char *(*poll)(int *done); // whether all sums that were begun are over
  const char *(*close)();
};

// Initializes MPI; null with `error` set where that is not possible. Called once.
const LlmcMpi *llmc_mpi_open(const char **error);
}

#endif
