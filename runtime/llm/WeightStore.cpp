#include "runtime/llm/WeightStore.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "runtime/core/MappedFile.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace llmc {

absl::StatusOr<std::shared_ptr<PageMemory>> PageMemory::allocate(uint64_t bytes) {
  bytes = std::max<uint64_t>(bytes, 1);
  void *data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED)
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for ", bytes >> 20, " MiB: ", std::strerror(errno),
                     "; use a smaller model, a smaller type or a shorter context"));
  madvise(data, bytes, MADV_HUGEPAGE);
  return std::shared_ptr<PageMemory>(new PageMemory(static_cast<uint8_t *>(data), bytes));
}

PageMemory::~PageMemory() { munmap(data_, size_); }

namespace {

constexpr uint64_t alignUp(uint64_t n) {
  return (n + kPackedAlignment - 1) / kPackedAlignment * kPackedAlignment;
}

// Offsets of the weights that `wanted` picks, one after the other.
template <class Wanted>
uint64_t placeWeights(const ProgramManifest &manifest, std::vector<uint64_t> &offsets,
                      Wanted wanted) {
  uint64_t total = 0;
  for (const ProgramWeight &weight : manifest.weights) {
    offsets.push_back(total);
    if (wanted(weight))
      total += alignUp(weight.bytes());
  }
  return total;
}

void packMatrix(const Program &program, const ProgramWeight &weight, const uint8_t *source,
                uint8_t *packed, ThreadTeam &team) {
  for (auto [format, function] : program.packers)
    if (format == weight.format) {
      const int64_t arguments[] = {reinterpret_cast<int64_t>(source),
                                   reinterpret_cast<int64_t>(packed), int64_t(weight.rows),
                                   int64_t(weight.columns)};
      StepContext context = {};
      context.arguments = arguments;
      context.team = &team;
      team.run([&, function = function](unsigned thread, unsigned threads) {
        function(&context, thread, threads);
      });
      return;
    }
  const PackedLayout layout(*weight.format);
  const uint64_t groups = PackedLayout::groups(weight.rows);
  team.run([&](unsigned thread, unsigned threads) {
    packGroups(layout, source, weight.rows, weight.columns, groups * thread / threads,
               groups * (thread + 1) / threads, packed);
  });
}

} // namespace

absl::Status packWeights(Program &program, std::span<const PackSource> sources, ThreadTeam &team,
                         absl::FunctionRef<void(double)> progress) {
  const std::vector<ProgramWeight> &weights = program.manifest.weights;
  std::vector<uint64_t> offsets;
  const uint64_t total =
      placeWeights(program.manifest, offsets, [](const ProgramWeight &w) { return w.packed; });
  absl::StatusOr<std::shared_ptr<PageMemory>> memory = PageMemory::allocate(total);
  if (!memory.ok())
    return memory.status();
  for (const PackSource &source : sources)
    program.weights.push_back(source.data);
  uint64_t done = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const ProgramWeight &weight = weights[i];
    if (!weight.packed)
      continue;
    uint8_t *packed = (*memory)->data() + offsets[i];
    program.weights[i] = packed;
    packMatrix(program, weight, sources[i].data, packed, team);
    if (sources[i].mapped)
      releasePages({sources[i].data, weight.rows * weight.format->rowBytes(weight.columns)});
    done += weight.bytes();
    progress(double(done) / double(total));
  }
  program.owners.push_back(*memory);
  return absl::OkStatus();
}

absl::Status splatWeights(Program &program, ThreadTeam &team) {
  std::vector<uint64_t> offsets;
  const uint64_t total =
      placeWeights(program.manifest, offsets, [](const ProgramWeight &) { return true; });
  absl::StatusOr<std::shared_ptr<PageMemory>> memory = PageMemory::allocate(total);
  if (!memory.ok())
    return memory.status();
  uint8_t *data = (*memory)->data();
  team.run([&](unsigned thread, unsigned threads) {
    const uint64_t first = total * thread / threads, last = total * (thread + 1) / threads;
    // 0x11 is small as a half's exponent and is no infinity in any format.
    std::memset(data + first, 0x11, last - first);
  });
  for (uint64_t offset : offsets)
    program.weights.push_back(data + offset);
  program.owners.push_back(*memory);
  return absl::OkStatus();
}

} // namespace llmc
