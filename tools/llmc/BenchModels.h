// The models that `llmc bench` measures: one file as it is, or quantized to several types.
#ifndef LLMC_TOOLS_LLMC_BENCHMODELS_H
#define LLMC_TOOLS_LLMC_BENCHMODELS_H

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "frontends/gguf/quantize/Quantizer.h"
#include "runtime/core/TemporaryFolder.h"
#include "tools/llmc/BenchTest.h"
#include "tools/llmc/Engine.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llmc::cli {

// A model file, and what is to be removed after it.
struct PreparedModel {
  std::string path;
  std::unique_ptr<TemporaryFolder> folder; // nullptr: the file is the user's
};

class BenchSource {
public:
  // `shapeOnly`: tensors' bytes are not looked at. Shapes need it.
  static absl::StatusOr<BenchSource> open(const std::string &path, bool shapeOnly);

  const gguf::GgufFile &file() const { return *file_; }

  // Needed for types that are garbage without it.
  absl::Status loadImportance(const std::string &path);
  void allowRequantize() { allowRequantize_ = true; }

  // The types that can be told apart from this model: none that is larger than the model, needs an
  // importance matrix that is not there, or gives no tensor what it is named after.
  absl::StatusOr<std::vector<const quantize::FileType *>> allTypes() const;

  // The model quantized to `type`, as a temporary file; the model's own file where nothing changes.
  // `progress` is told the share that is done. Cancelled after Ctrl-C.
  absl::StatusOr<PreparedModel> prepare(const quantize::FileType &type,
                                        absl::FunctionRef<void(double)> progress) const;

private:
  BenchSource(std::shared_ptr<gguf::GgufFile> file, bool shapeOnly)
      : file_(std::move(file)), shapeOnly_(shapeOnly), allowRequantize_(shapeOnly) {}
  absl::StatusOr<quantize::QuantizationPlan> plan(const quantize::FileType &type) const;

  std::shared_ptr<gguf::GgufFile> file_;
  bool shapeOnly_, allowRequantize_;
  std::optional<quantize::ImportanceMatrix> importance_;
};

// What the report says of a model; `type` nullptr: what the file says it is.
BenchModel describeModel(const Engine &engine, const quantize::FileType *type);

} // namespace llmc::cli

#endif
