#include "runtime/llm/Session.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/Formats/DefaultContext.h"
#include <algorithm>
#include <cstring>

namespace llmc {

namespace {

constexpr int64_t kTile = 16; // positions are counted in tiles
// Logits are computed for a few rows at a time: a row may have 128256 numbers.
constexpr int64_t kLogitsRows = 32;

// A step that reads fewer bytes is over before another thread could take its share: handing work
// over and meeting at barriers takes as long as reading about this much from a cache.
constexpr double kLeastShared = 1.5 * (1 << 20);

int64_t padded(int64_t n) { return (n + kTile - 1) / kTile * kTile; }

} // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::create(const Program &program, ThreadTeam &team,
                                                         const SessionOptions &options) {
  int64_t context = options.context;
  if (context < 0)
    return absl::InvalidArgumentError(absl::StrCat("a context of ", context, " tokens cannot be"));
  if (context == 0)
    context = defaultContext(program.manifest.contextLength);
  std::unique_ptr<Session> session(new Session(program, team));
  if (absl::Status status = session->allocate(context); !status.ok())
    return status;
  return session;
}

absl::Status Session::allocate(int64_t context) {
  const ProgramManifest &manifest = program_.manifest;
  context_ = context;
  // Blocks of 64 positions are read whole.
  capacity_ = (context + 63) / 64 * 64;
  widthStride_ = padded(manifest.width);
  logitsStride_ = padded(manifest.vocabulary);
  logitsRows_ = std::min(kLogitsRows, manifest.maxRows);
  uint64_t cacheBytes = 0;
  for (const KvCacheShape &shape : manifest.caches) {
    if (capacity_ > int64_t(1) << 32)
      return absl::InvalidArgumentError(
          absl::StrCat("a context of ", context, " tokens is too long"));
    cacheBytes += shape.bytes(capacity_);
  }
  for (const ProgramWeight &weight : manifest.weights)
    weightBytes_ += weight.packed ? weight.bytes() : 0;
  cacheBytesPerPosition_ = double(cacheBytes) / double(capacity_);
  uint64_t sumsBytes = 0;
  for (const ColumnSumsShape &shape : manifest.columnSums)
    sumsBytes += shape.bytes();
  struct Piece {
    std::shared_ptr<PageMemory> &memory;
    uint64_t bytes;
  };
  const int64_t rows = manifest.maxRows + kResultRowPadding;
  for (Piece piece :
       {Piece{cache_, cacheBytes}, Piece{columnSums_, sumsBytes},
        Piece{arena_, uint64_t(manifest.arenaBytes)},
        Piece{scratch_, uint64_t(manifest.scratchBytes) * team_.threads()},
        Piece{hidden_, uint64_t(rows * widthStride_) * 4},
        Piece{logits_, uint64_t((logitsRows_ + kResultRowPadding) * logitsStride_) * 4}}) {
    absl::StatusOr<std::shared_ptr<PageMemory>> memory = PageMemory::allocate(piece.bytes);
    if (!memory.ok())
      return memory.status();
    piece.memory = *memory;
  }
  uint8_t *at = cache_->data();
  for (const KvCacheShape &shape : manifest.caches) {
    states_.push_back(at);
    at += shape.bytes(capacity_);
  }
  at = columnSums_->data();
  for (const ColumnSumsShape &shape : manifest.columnSums) {
    states_.push_back(at);
    at += shape.bytes();
  }
  return absl::OkStatus();
}

std::span<const float> Session::columnSums(size_t index, int64_t row) const {
  const ProgramManifest &manifest = program_.manifest;
  const ColumnSumsShape &shape = manifest.columnSums[index];
  return {reinterpret_cast<const float *>(states_[manifest.caches.size() + index]) +
              row * shape.stride(),
          size_t(shape.columns)};
}

void Session::clearColumnSums() { std::memset(columnSums_->data(), 0, columnSums_->size()); }

uint64_t Session::bytes() const {
  return cache_->size() + columnSums_->size() + arena_->size() + scratch_->size() +
         hidden_->size() + logits_->size();
}

absl::Status Session::check(std::span<const int32_t> tokens) const {
  if (position_ + int64_t(tokens.size()) > context_)
    return absl::OutOfRangeError(absl::StrCat("the context holds ", context_, " tokens, ",
                                              position_, " are used and ", tokens.size(),
                                              " more do not fit; choose a larger -c"));
  for (int32_t token : tokens)
    if (token < 0 || token >= program_.manifest.vocabulary)
      return absl::InvalidArgumentError(absl::StrCat(
          "token id ", token, " is not in the vocabulary of ", program_.manifest.vocabulary));
  return absl::OkStatus();
}

void Session::run(StepFunction function, std::span<const int64_t> arguments, int64_t rows) {
  StepContext context = {};
  context.weights = program_.weights.data();
  context.states = states_.data();
  context.arena = arena_->data();
  context.scratch = scratch_->data();
  context.arguments = arguments.data();
  const double bytes =
      double(rows) * (double(weightBytes_) + double(position_) * cacheBytesPerPosition_);
  ThreadTeam &team = bytes < kLeastShared ? alone_ : team_;
  context.team = &team;
  context.rows = rows;
  context.capacity = capacity_;
  team.run([&](unsigned thread, unsigned threads) { function(&context, thread, threads); });
}

void Session::runStep(std::span<const int32_t> tokens) {
  const int64_t arguments[] = {reinterpret_cast<int64_t>(tokens.data()), position_,
                               reinterpret_cast<int64_t>(hidden_->data())};
  run(program_.step, arguments, tokens.size());
  position_ += tokens.size();
  lastRow_ = int64_t(tokens.size()) - 1;
}

void Session::runLogits(int64_t firstRow, int64_t rows) {
  const int64_t arguments[] = {
      reinterpret_cast<int64_t>(hidden_->data() + firstRow * widthStride_ * 4),
      reinterpret_cast<int64_t>(logits_->data())};
  run(program_.logits, arguments, rows);
}

absl::Status Session::evaluate(std::span<const int32_t> tokens) {
  if (absl::Status status = check(tokens); !status.ok())
    return status;
  for (size_t at = 0; at < tokens.size(); at += program_.manifest.maxRows)
    runStep(tokens.subspan(at, std::min<size_t>(program_.manifest.maxRows, tokens.size() - at)));
  return absl::OkStatus();
}

std::span<const float> Session::lastLogits() {
  runLogits(lastRow_, 1);
  return {reinterpret_cast<const float *>(logits_->data()), size_t(program_.manifest.vocabulary)};
}

absl::Status Session::evaluateAll(std::span<const int32_t> tokens, size_t first,
                                  absl::FunctionRef<void(size_t, std::span<const float>)> consume) {
  if (absl::Status status = check(tokens); !status.ok())
    return status;
  for (size_t at = 0; at < tokens.size(); at += program_.manifest.maxRows) {
    const size_t count = std::min<size_t>(program_.manifest.maxRows, tokens.size() - at);
    runStep(tokens.subspan(at, count));
    for (size_t row = std::max(first, at); row < at + count; row += logitsRows_) {
      const int64_t rows = std::min<int64_t>(logitsRows_, at + count - row);
      runLogits(row - at, rows);
      const float *logits = reinterpret_cast<const float *>(logits_->data());
      for (int64_t i = 0; i < rows; ++i)
        consume(row + i, {logits + i * logitsStride_, size_t(program_.manifest.vocabulary)});
    }
  }
  return absl::OkStatus();
}

} // namespace llmc
