// SentencePiece's library behind types of the standard: its headers and Abseil's cannot be read
// together, as both define absl::string_view.
#ifndef LLMC_FRONTENDS_SCRATCH_PIECETRAINER_H
#define LLMC_FRONTENDS_SCRATCH_PIECETRAINER_H

#include "frontends/tokenizer/TokenizerMetadata.h"
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace llmc::scratch {

struct Piece {
  std::string text;
  float score;
  TokenType type;
};

struct PieceModel {
  std::string error; // the library's message; empty: there is a model
  std::string file;  // as the library writes it (a .model)
  std::vector<Piece> pieces;
  int unknown = 0, bos = 0, eos = 0;
};

// Trains with the library's options, {"vocab_size", "2048"}. Throws nothing.
PieceModel trainPieces(std::vector<std::string> lines,
                       const std::unordered_map<std::string, std::string> &options);

// The library's own encoder.
class PieceEncoder {
public:
  explicit PieceEncoder(const std::string &file);
  ~PieceEncoder();
  std::vector<int> encode(const std::string &text) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace llmc::scratch

#endif
