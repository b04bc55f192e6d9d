#include "frontends/scratch/PieceTrainer.h"
#include <exception>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

namespace llmc::scratch {
namespace {

namespace spm = sentencepiece;

class Lines : public spm::SentenceIterator {
public:
  explicit Lines(std::vector<std::string> lines) : lines_(std::move(lines)) {}
  bool done() const override { return next_ >= lines_.size(); }
  void Next() override { ++next_; }
  const std::string &value() const override { return lines_[next_]; }
  spm::util::Status status() const override { return {}; }

private:
  std::vector<std::string> lines_;
  size_t next_ = 0;
};

TokenType typeOf(const spm::SentencePieceProcessor &pieces, int id) {
  return pieces.IsUnknown(id)   ? TokenType::Unknown
         : pieces.IsControl(id) ? TokenType::Control
         : pieces.IsByte(id)    ? TokenType::Byte
         : pieces.IsUnused(id)  ? TokenType::Unused
                                : TokenType::Normal;
}

} // namespace

PieceModel trainPieces(std::vector<std::string> lines,
                       const std::unordered_map<std::string, std::string> &options) {
  PieceModel out;
  try {
    Lines iterator(std::move(lines));
    if (const auto status = spm::SentencePieceTrainer::Train(options, &iterator, &out.file);
        !status.ok()) {
      out.error = status.error_message();
      return out;
    }
    spm::SentencePieceProcessor pieces;
    if (const auto status = pieces.LoadFromSerializedProto(out.file); !status.ok()) {
      out.error = status.error_message();
      return out;
    }
    for (int id = 0; id < pieces.GetPieceSize(); ++id)
      out.pieces.push_back({pieces.IdToPiece(id), pieces.GetScore(id), typeOf(pieces, id)});
    out.unknown = pieces.unk_id();
    out.bos = pieces.bos_id();
    out.eos = pieces.eos_id();
  } catch (const std::exception &error) {
    out.error = error.what();
  }
  return out;
}

struct PieceEncoder::Impl {
  spm::SentencePieceProcessor processor;
};

PieceEncoder::PieceEncoder(const std::string &file) : impl_(std::make_unique<Impl>()) {
  impl_->processor.LoadFromSerializedProto(file).IgnoreError();
}

PieceEncoder::~PieceEncoder() = default;

std::vector<int> PieceEncoder::encode(const std::string &text) const {
  std::vector<int> ids;
  impl_->processor.Encode(text, &ids).IgnoreError();
  return ids;
}

} // namespace llmc::scratch
