#ifndef LLMC_RUNTIME_TRAIN_MPICOMMUNICATOR_H
#define LLMC_RUNTIME_TRAIN_MPICOMMUNICATOR_H

#include "absl/status/statusor.h"
#include "runtime/train/Communicator.h"

#include <memory>

namespace llmc {

/// The processes of the mpirun that started this one, or this process alone: MPI is only loaded,
/// from llmc_mpi.so beside the program, where the environment has mpirun's variables. Unavailable
/// when it cannot be.
absl::StatusOr<std::unique_ptr<Communicator>> openCommunicator();

/// Processes that mpirun started on this machine, at least 1.
unsigned processesHere();

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_MPICOMMUNICATOR_H
