#include "runtime/train/MpiCommunicator.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/train/mpi/MpiPlugin.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>

namespace llmc {
namespace {

constexpr char kWorldSize[] = "OMPI_COMM_WORLD_SIZE", kLocalSize[] = "OMPI_COMM_WORLD_LOCAL_SIZE";
constexpr char kOthersSize[] = "PMI_SIZE"; // of MPICH, Intel MPI and srun --mpi=pmi2

int numberIn(const char *variable) {
  const char *given = std::getenv(variable);
  int number = 0;
  return given && absl::SimpleAtoi(given, &number) ? number : 0;
}

absl::Status statusOf(const char *error) {
  return error ? absl::UnavailableError(absl::StrCat("MPI: ", error)) : absl::OkStatus();
}

class MpiCommunicator : public Communicator {
public:
  explicit MpiCommunicator(const LlmcMpi &mpi) : mpi_(mpi) {}

  int rank() const override { return mpi_.rank; }
  int size() const override { return mpi_.size; }
  absl::Status begin(std::span<float> values) override {
    return statusOf(mpi_.beginSum(values.data(), static_cast<int64_t>(values.size()), 0));
  }
  absl::Status begin(std::span<double> values) override {
    return statusOf(mpi_.beginSum(values.data(), static_cast<int64_t>(values.size()), 1));
  }
  absl::StatusOr<bool> poll() override {
    int done = 0;
    if (absl::Status status = statusOf(mpi_.poll(&done)); !status.ok())
      return status;
    return done != 0;
  }
  absl::Status close() override { return statusOf(mpi_.close()); }

private:
  const LlmcMpi &mpi_;
};

} // namespace

unsigned processesHere() { return static_cast<unsigned>(std::max(1, numberIn(kLocalSize))); }

absl::StatusOr<std::unique_ptr<Communicator>> openCommunicator() {
  const int size = numberIn(kWorldSize);
  // Each of them would train alone, into the same files.
  if (size == 0 && numberIn(kOthersSize) > 1)
    return absl::UnavailableError(absl::StrCat("another MPI than Open MPI has started ",
                                               numberIn(kOthersSize),
                                               " processes; start them with Open MPI's mpirun"));
  if (size < 2)
    return std::make_unique<Communicator>();
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (program.parent_path() / "llmc_mpi.so").string();
  const auto refused = [&](absl::string_view why) {
    return absl::UnavailableError(
        absl::StrCat("mpirun has started ", size, " processes, but ", path, ": ", why));
  };
  // MPI's own parts look for its symbols.
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!library)
    return refused(dlerror());
  auto open = reinterpret_cast<decltype(&llmc_mpi_open)>(dlsym(library, "llmc_mpi_open"));
  if (!open)
    return refused("is not of this llmc");
  const char *failure = nullptr;
  const LlmcMpi *mpi = open(&failure);
  if (!mpi)
    return refused(failure ? failure : "does not begin");
  return std::make_unique<MpiCommunicator>(*mpi);
}

} // namespace llmc
