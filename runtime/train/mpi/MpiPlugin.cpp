#include "runtime/train/mpi/MpiPlugin.h"
#include <mpi.h>
#include <vector>

namespace {

// Sums are begun in the same order everywhere, so they need no tags.
std::vector<MPI_Request> requests;

const char *textOf(int error) {
  static char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (error == MPI_SUCCESS)
    return nullptr;
  return MPI_Error_string(error, text, &length) == MPI_SUCCESS ? text : "an unknown error of MPI";
}

const char *beginSum(void *values, int64_t count, int isDouble) {
  constexpr int64_t kMost = 1 << 30; // MPI counts in int
  const int64_t bytes = isDouble ? 8 : 4;
  for (int64_t begin = 0; begin < count; begin += kMost) {
    const int64_t some = count - begin < kMost ? count - begin : kMost;
    requests.emplace_back();
    if (int error = MPI_Iallreduce(MPI_IN_PLACE, static_cast<char *>(values) + begin * bytes,
                                   static_cast<int>(some), isDouble ? MPI_DOUBLE : MPI_FLOAT,
                                   MPI_SUM, MPI_COMM_WORLD, &requests.back());
        error != MPI_SUCCESS) {
      requests.pop_back();
      return textOf(error);
    }
  }
  return nullptr;
}

const char *poll(int *done) {
  const int error =
      MPI_Testall(static_cast<int>(requests.size()), requests.data(), done, MPI_STATUSES_IGNORE);
  if (error == MPI_SUCCESS && *done)
    requests.clear();
  return textOf(error);
}

const char *close() { return textOf(MPI_Finalize()); }

} // namespace

extern "C" const LlmcMpi *llmc_mpi_open(const char **error) {
  static LlmcMpi mpi = {0, 1, beginSum, poll, close};
  int provided = 0;
  // One thread at a time calls, but not always the same.
  if ((*error = textOf(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided))))
    return nullptr;
  if (provided < MPI_THREAD_SERIALIZED) {
    *error = "this MPI allows calls by one thread only";
    return nullptr;
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &mpi.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &mpi.size);
  return &mpi;
}
