// Models that are shapes only: GGUF files in memory with all tensor records and no tensor data, so
// that a model can be compiled and timed without its file.
#ifndef LLMC_FRONTENDS_GGUF_SHAPE_MODELSHAPE_H
#define LLMC_FRONTENDS_GGUF_SHAPE_MODELSHAPE_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include <memory>
#include <span>
#include <string>

namespace llmc::gguf {

// What not all architectures have; 0 where there is nothing particular.
struct ShapeOptions {
  uint32_t keyLength = 0; // else width / heads
  uint32_t ropeDims = 0;  // else the whole key
  uint32_t window = 0;
  uint32_t experts = 0, expertsUsed = 0;
};

// A well-known model.
struct ModelShape {
  const char *name;
  // Which table of keys and tensors it has: its architecture, or "mixtral" for llama with experts.
  const char *family;
  uint32_t width, layers, heads, kvHeads, feedForward; // feedForward: of one expert, if any
  float ropeBase;
  uint32_t contextLength, vocabulary;
  bool tied; // the embedding is also the output layer
  ShapeOptions options = {};

  constexpr uint32_t keyLength() const {
    return options.keyLength ? options.keyLength : width / heads;
  }
};

std::span<const ModelShape> modelShapes();
// "tinyllama-1.1b, llama3.2-1b, ..."
std::string modelShapeNames();

// Whether `path` names a shape ("shape:NAME[:TYPE]") rather than a file.
bool isShapePath(absl::string_view path);

// The file of "shape:NAME[:TYPE]": no tokenizer, TensorInfo::data is nullptr, matrices in block
// format TYPE (q4_0 unless given, in any case), vectors in f32. InvalidArgument for names and types
// that are not known, and for types whose blocks do not divide the rows.
absl::StatusOr<std::shared_ptr<GgufFile>> openShape(absl::string_view path);

} // namespace llmc::gguf

#endif
