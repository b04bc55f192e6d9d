// What `llmc bench` measures, and what it found.
#ifndef LLMC_TOOLS_LLMC_BENCHTEST_H
#define LLMC_TOOLS_LLMC_BENCHTEST_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace llmc::cli {

enum class BenchKind {
  Prompt,     // `tokens` at once, as many as the program takes
  Generation, // `tokens` one after the other
  Batch,      // steps of `tokens`, with logits of each
};

struct BenchTest {
  BenchKind kind;
  int64_t tokens;
  int64_t depth; // tokens in the context before

  // "pp512", "tg128 @ d4096", "b4"
  std::string name() const;
};

struct Spread {
  double mean = 0, deviation = 0, median = 0;
};
// Deviation is the sample's; 0 for one value.
Spread spreadOf(std::vector<double> values);

// A model as it was measured: one column of the table of types.
struct BenchModel {
  std::string type;  // "Q4_K_M"
  std::string label; // "llama 1.1B"
  std::string name;  // what the file calls itself; may be empty
  uint64_t parameters = 0;
  uint64_t fileBytes = 0, tensorBytes = 0;
  double bitsPerWeight = 0;
  std::optional<double> perplexity;
  double perplexityError = 0; // standard error
};

// One test of one model with one number of threads.
struct BenchRow {
  size_t model; // in BenchReport::models
  unsigned threads;
  BenchTest test;
  int64_t steps;    // of one repeat
  double bytes;     // that one repeat reads: weights, and the KV cache
  bool cached;      // what a step reads fits the last-level cache
  double bandwidth; // GB/s of a plain read, measured just before and just after (a prompt: around
                    // the others)
  std::vector<double> seconds; // of each repeat
  // Time of a step as a multiple of that of one token; only for BenchKind::Batch.
  std::optional<double> ofOneToken;

  int64_t tokens() const;
  double secondsPerRepeat() const { return spreadOf(seconds).mean; }
  double msPerStep() const;
  Spread msPerToken() const;
  double tokensPerSecond() const; // of all repeats together
  double tokensPerSecondDeviation() const;
  double gigabytesPerSecond() const;
  double shareOfBandwidth() const; // 1 is the limit
};

struct BenchReport {
  std::vector<BenchModel> models;
  std::vector<BenchRow> rows; // by model, then threads, then test
  std::string path;
  bool byType = false; // --types
  int64_t repeats = 0;
  uint64_t bufferBytes = 0; // that the bandwidth was measured with
  std::string text;         // of the perplexity; empty for none
  int64_t window = 0;
};

} // namespace llmc::cli

#endif
