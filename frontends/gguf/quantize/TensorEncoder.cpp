#include "frontends/gguf/quantize/TensorEncoder.h"

#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/quantize/RowEncoders.h"
#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

namespace llmc::quantize {
namespace {

constexpr uint64_t kChunkWeights = 1 << 15; // decoded at once by a thread: half of its L2 cache
constexpr uint64_t kChunksPerThread = 32; // in a slice, so that threads end at about the same time
constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

// The least of what threads report.
class Least {
public:
  void report(uint64_t value) {
    uint64_t least = value_.load(std::memory_order_relaxed);
    while (value < least && !value_.compare_exchange_weak(least, value)) {
    }
  }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<uint64_t> value_{kNone};
};

class Encoder {
public:
  Encoder(const gguf::TensorInfo &tensor, const std::string &file, const BlockFormat &format,
          std::span<const float> importance, const RowChange &change, ThreadTeam &team)
      : tensor_(tensor), file_(file), format_(format), importance_(importance), change_(change),
        team_(team), columns_(tensor.shape[0]), rows_(tensor.elements() / columns_),
        matrixRows_(tensor.shape.size() > 1 ? tensor.shape[1] : 1),
        chunkRows_(std::max<uint64_t>(1, kChunkWeights / columns_)), decoded_(team.threads()) {}

  absl::Status run(absl::FunctionRef<absl::Status(std::span<const uint8_t>)> take) {
    const uint64_t sliceRows = chunkRows_ * kChunksPerThread * team_.threads();
    std::vector<uint8_t> slice, next;
    absl::Status status;
    for (uint64_t first = 0; first < rows_; first += sliceRows) {
      uint64_t end = std::min(rows_, first + sliceRows);
      next.resize((end - first) * format_.rowBytes(columns_));
      nextRow_ = first;
      team_.run([&](unsigned thread, unsigned) {
        if (thread == 0 && !slice.empty())
          status = take(slice);
        encodeSlice(first, end, next.data(), decoded_[thread]);
      });
      if (!status.ok())
        return status;
      if (absl::Status problem = problemFound(); !problem.ok())
        return problem;
      std::swap(slice, next);
    }
    return take(slice);
  }

private:
  void encodeSlice(uint64_t first, uint64_t end, uint8_t *out, std::vector<float> &decoded) {
    const uint64_t sourceRow = tensor_.format->rowBytes(columns_);
    const uint64_t targetRow = format_.rowBytes(columns_);
    for (uint64_t row; (row = nextRow_.fetch_add(chunkRows_)) < end;) {
      uint64_t last = std::min(end, row + chunkRows_);
      // Matrices of a tensor differ in importance.
      while (row < last) {
        uint64_t matrix = row / matrixRows_;
        uint64_t stop = importance_.empty() ? last : std::min(last, (matrix + 1) * matrixRows_);
        uint64_t count = (stop - row) * columns_;
        decoded.resize(std::max<uint64_t>(decoded.size(), count));
        decodeRows(*tensor_.format, tensor_.data + row * sourceRow, count, decoded.data());
        if (change_)
          for (uint64_t i = row; i < stop; ++i)
            change_(i, {decoded.data() + (i - row) * columns_, columns_});
        uint64_t bad = firstNotFinite(decoded.data(), count);
        if (bad < count)
          return notFinite_.report(row * columns_ + bad);
        uint8_t *target = out + (row - first) * targetRow;
        encodeRows(format_, decoded.data(), stop - row, columns_,
                   importance_.empty() ? nullptr : importance_.data() + matrix * columns_, target);
        if (!stepsAreFinite(format_, target, count / format_.weights))
          return tooLarge_.report(row);
        row = stop;
      }
    }
  }

  absl::Status problemFound() const {
    if (uint64_t at = notFinite_.get(); at != kNone)
      return absl::InvalidArgumentError(absl::StrCat(
          file_, ": tensor ", gguf::inQuotes(tensor_.name), " holds NaN or infinity at row ",
          at / columns_, ", column ", at % columns_, "; ", gguf::damagedRemedy));
    if (uint64_t row = tooLarge_.get(); row != kNone)
      return absl::InvalidArgumentError(
          absl::StrCat(file_, ": tensor ", gguf::inQuotes(tensor_.name),
                       " holds weights too large for ", format_.ggufName, " near row ", row,
                       "; keep it in another type with --tensor-type NAME=BF16"));
    return absl::OkStatus();
  }

  const gguf::TensorInfo &tensor_;
  const std::string &file_;
  const BlockFormat &format_;
  std::span<const float> importance_;
  const RowChange &change_;
  ThreadTeam &team_;
  const uint64_t columns_, rows_, matrixRows_, chunkRows_;
  std::vector<std::vector<float>> decoded_; // a thread's
  std::atomic<uint64_t> nextRow_{0};
  Least notFinite_, tooLarge_;
};

} // namespace

absl::Status encodeTensor(const gguf::TensorInfo &tensor, const std::string &file,
                          const BlockFormat &format, std::span<const float> importance,
                          const RowChange &change, ThreadTeam &team,
                          absl::FunctionRef<absl::Status(std::span<const uint8_t>)> take) {
  return Encoder(tensor, file, format, importance, change, team).run(take);
}

} // namespace llmc::quantize
