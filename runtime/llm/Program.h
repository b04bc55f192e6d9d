// A compiled model as the runtime sees it: functions, what they need, and where the weights are.
#ifndef LLMC_RUNTIME_LLM_PROGRAM_H
#define LLMC_RUNTIME_LLM_PROGRAM_H

#include "dialects/llm/Formats/BlockFormats.h"
#include "runtime/abi/StepContext.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace llmc {

// A tensor that compiled code reads, in the order of StepContext::weights.
struct ProgramWeight {
  std::string name; // in the GGUF
  const BlockFormat *format;
  uint64_t rows, columns; // a vector has one row
  bool packed;            // PackedLayout instead of GGUF's layout
  // Of experts' matrices, which lie one after the other in the rows, and how many a token takes.
  uint64_t experts = 1, used = 1;
  // Where it is a part of the tensor: its first row, of a vector its first element.
  std::optional<uint64_t> firstRow = std::nullopt;
  bool isVector = false;
  // Bytes in the layout that the code expects.
  uint64_t bytes() const;
  // Bytes in the tensor before those of the weight, in GGUF's layout.
  uint64_t sourceOffset() const;
  // Its name in a compiled model, where parts are tensors of their own.
  std::string artifactName() const;
  // About which part of the bytes a step of so many tokens reads, if all experts are as popular.
  double shareOfStep(int64_t tokens) const;
};

struct KvCacheShape {
  int64_t layers, heads;
  int64_t keyBytes, valueBytes; // of a position of a head
  // Bytes for `capacity` positions (a multiple of 16).
  uint64_t bytes(int64_t capacity) const;
};

// Sums that a program adds the squares of columns to; see llm.sum_squares.
struct ColumnSumsShape {
  // A tensor whose columns are measured, and the row of its sums.
  struct Tensor {
    std::string name; // in the GGUF
    int64_t row;
    bool operator==(const Tensor &) const = default;
  };

  int64_t rows, columns;
  std::vector<Tensor> tensors;
  // Of experts: each has a row of its own, whose last column counts what was summed. 0: of a
  // matrix.
  int64_t experts = 0;
  // Floats from row to row.
  int64_t stride() const { return (columns + 15) / 16 * 16; }
  uint64_t bytes() const { return uint64_t(rows) * stride() * sizeof(float); }
};

// A matrix or vector that a program trains; see llm.parameter.
struct ProgramParameter {
  // How it lies in memory. What is padding is zero.
  enum class Layout {
    Rows,   // row after row, each padded to 16; one that is higher than wide transposed
    Packed, // PackedLayout of f32
    Vector, // padded to 16
  };
  std::string name;      // "blk.0.attn_q.weight.lora_a"; of a part, with its first row
  int64_t rows, columns; // as files have it; a vector has one row
  Layout layout = Layout::Rows;
  // The tensor of the model, where it is one or a part of one.
  std::string source = {};
  int64_t firstRow = 0; // of a vector its first element

  bool transposed() const { return layout == Layout::Rows && rows > columns; }
  int64_t memoryRows() const { return transposed() ? columns : rows; }
  int64_t memoryColumns() const { return transposed() ? rows : columns; }
  // Floats from row to row in memory, unless it is packed.
  int64_t stride() const { return (memoryColumns() + 15) / 16 * 16; }
  // Where an element is in memory.
  int64_t place(int64_t row, int64_t column) const {
    if (layout == Layout::Packed)
      return (row / 16 * columns + column) * 16 + row % 16;
    return transposed() ? column * stride() + row : row * stride() + column;
  }
  int64_t floats() const {
    return layout == Layout::Packed ? (rows + 15) / 16 * 16 * columns : memoryRows() * stride();
  }
};

struct ProgramManifest {
  std::vector<ProgramWeight> weights;
  std::vector<KvCacheShape> caches;         // in the order of StepContext::states
  std::vector<ColumnSumsShape> columnSums;  // after them
  std::vector<ProgramParameter> parameters; // in the order of StepContext::parameters
  int64_t arenaBytes = 0;
  int64_t scratchBytes = 0;  // of each thread; a multiple of 64
  int64_t maxRows = 0;       // tokens of a step
  int64_t width = 0;         // of a hidden state
  int64_t vocabulary = 0;    // of a row of logits
  int64_t contextLength = 0; // positions the model was trained for

  // Bytes of weights that a step reads whole: all but matrices of which rows are looked up, and of
  // experts those that so many tokens choose.
  double weightBytesPerStep(int64_t tokens = 1) const;
  // Bytes that a step of `tokens` tokens reads: these weights as they lie in memory, a row of the
  // others for each token, and `positions` of the KV cache.
  double bytesPerStep(int64_t tokens, double positions) const;
};

struct Program {
  ProgramManifest manifest;
  StepFunction step = nullptr;   // (tokens, start) -> hidden states
  StepFunction logits = nullptr; // (hidden states) -> logits
  // Of programs for training, instead: (tokens, targets, seed) -> losses, and (tokens, targets,
  // seed, weights of the losses) -> losses, which adds to the gradients.
  StepFunction loss = nullptr, lossGradient = nullptr;
  // (source, packed, rows, columns): packs a matrix of a format. Where a format has none, the
  // runtime packs by itself, at a fraction of the speed.
  std::vector<std::pair<const BlockFormat *, StepFunction>> packers;
  std::vector<const uint8_t *> weights;
  // Keeps alive what the pointers above point into.
  std::vector<std::shared_ptr<const void>> owners;
};

} // namespace llmc

#endif
