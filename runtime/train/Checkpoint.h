#ifndef LLMC_RUNTIME_TRAIN_CHECKPOINT_H
#define LLMC_RUNTIME_TRAIN_CHECKPOINT_H

#include "runtime/core/Safetensors.h"

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace llmc {

/// The state of a training run in one file: a safetensors file (Safetensors.h), which other
/// programs can read. By convention NAME is a trained tensor, "adam.first/NAME" and
/// "adam.second/NAME" are its moments, all F32; moments in blocks (AdamW.h) are U8 there, and their
/// scales "adam.first.absmax/NAME" and "adam.second.absmax/NAME". The metadata has what else there
/// is, as texts (exactText() for numbers), and of this format's own:
///   "llmc.checkpoint"  "1", the version
///   "llmc.checksum"    16 hexadecimal digits: a hash of the header with zeros instead of these
///                      digits, and then of each tensor's bytes in order
struct NamedValues {
  std::string name;
  std::vector<uint64_t> shape; ///< the slowest extent first
  std::span<const float> values;
};

/// The same without its values, which are only made when they are written.
struct NamedShape {
  std::string name;
  std::vector<uint64_t> shape;
  std::string type = "F32"; ///< or another of safetensors
};
/// Yields the bytes of a tensor's values, valid until the next call.
using TensorValues = absl::FunctionRef<std::span<const uint8_t>(size_t tensor)>;

/// Replaces the file as a whole: bytes to a temporary name, synced, renamed, folder synced.
absl::Status writeCheckpoint(absl::string_view path, const SafetensorsMetadata &texts,
                             std::span<const NamedShape> tensors, TensorValues values);
absl::Status writeCheckpoint(absl::string_view path, const SafetensorsMetadata &texts,
                             std::span<const NamedValues> tensors);

class Checkpoint {
public:
  /// Errors name the file; one that is damaged in any byte is refused.
  static absl::StatusOr<Checkpoint> open(absl::string_view path);

  const std::string &path() const { return file_.path(); }
  /// NotFound, naming the file, when there is no such text.
  absl::StatusOr<std::string> text(const std::string &key) const;
  absl::StatusOr<int64_t> integer(const std::string &key) const;
  /// Copies a tensor. Fails, naming file and tensor, unless it is there with that shape and type
  /// (F32, U8).
  absl::Status copy(absl::string_view tensor, std::span<const uint64_t> shape,
                    std::span<float> values) const;
  absl::Status copy(absl::string_view tensor, std::span<const uint64_t> shape,
                    std::span<uint8_t> values) const;

private:
  absl::Status copy(absl::string_view tensor, absl::string_view type,
                    std::span<const uint64_t> shape, std::span<uint8_t> bytes) const;
  explicit Checkpoint(SafetensorsFile file) : file_(std::move(file)) {}
  SafetensorsFile file_;
};

/// The checkpoints of a run: FOLDER/checkpoint-STEP.safetensors.
class CheckpointFolder {
public:
  /// `keep` newest files stay; 0: all.
  CheckpointFolder(std::string folder, int64_t keep) : folder_(std::move(folder)), keep_(keep) {}

  std::string pathOf(int64_t step) const;
  /// Steps of the files that are there, ascending; damaged ones included.
  std::vector<int64_t> steps() const;

  /// Writes the checkpoint of `step`, then removes the oldest ones up to that step beyond `keep`.
  absl::Status save(int64_t step, const SafetensorsMetadata &texts,
                    std::span<const NamedShape> tensors, TensorValues values) const;
  absl::Status save(int64_t step, const SafetensorsMetadata &texts,
                    std::span<const NamedValues> tensors) const;
  /// The newest one that is whole; nullopt when there is none. What was refused is told in
  /// `refused`, a line each.
  std::optional<Checkpoint> newest(std::vector<std::string> &refused) const;
  /// Removes those of later steps: of a run that is given up for an earlier state.
  void removeAfter(int64_t step) const;

private:
  std::string folder_;
  int64_t keep_;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_CHECKPOINT_H
