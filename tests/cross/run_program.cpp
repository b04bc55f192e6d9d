// run_program PROGRAM WEIGHTS CODE ROWS COUNT TOKEN...
//
// Runs a compiled model on another CPU than llmc's own: what describe_program printed of it, the
// .llmc that its weights are in, and its object code as a shared library. Reads the prompt in steps
// of ROWS tokens, then prints COUNT more, each the likeliest one after all before it. With COUNT 0,
// writes the logits after each token of the prompt to stdout instead, as f32 [tokens, vocabulary].
//
// It needs nothing beside the C++ library, so that a cross compiler alone can build it.
#include "runtime/abi/EntryPoints.h"
#include "runtime/abi/StepContext.h"
#include "runtime/core/ThreadTeam.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

using llmc::StepContext;
using llmc::StepFunction;

// Positions that the cache has room for.
constexpr int64_t kCapacity = 512;
constexpr unsigned kThreads = 2;
// Rows whose logits are computed at a time, as Session does: one alone may be summed in another
// order than several.
constexpr int64_t kLogitsRows = 32;

[[noreturn]] void fail(const std::string &what) {
  std::cerr << "run_program: " << what << "\n";
  std::exit(1);
}

int64_t padded(int64_t n) { return (n + 15) / 16 * 16; }

// Zeros that end at a multiple of 64 bytes.
struct Memory {
  explicit Memory(int64_t size) : size(std::max<int64_t>((size + 63) / 64 * 64, 64)) {
    data = static_cast<uint8_t *>(std::aligned_alloc(64, this->size));
    if (!data)
      fail("no memory");
    std::memset(data, 0, this->size);
  }
  ~Memory() { std::free(data); }
  Memory(const Memory &) = delete;
  int64_t size;
  uint8_t *data;
};

std::span<const uint8_t> mapFile(const char *path) {
  const int file = open(path, O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0)
    fail(std::string("cannot open ") + path);
  void *data = mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (data == MAP_FAILED)
    fail(std::string("cannot map ") + path);
  return {static_cast<const uint8_t *>(data), size_t(info.st_size)};
}

// The lines of describe_program.
struct Description {
  int64_t maxRows = 0, width = 0, vocabulary = 0, arena = 0, scratch = 0;
  std::vector<int64_t> cacheBytes;                    // of a position
  std::vector<std::pair<uint64_t, uint64_t>> weights; // offset and bytes in the file

  explicit Description(const char *path) {
    std::ifstream file(path);
    std::string line, kind;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      int64_t layers, heads, key, value;
      uint64_t offset, bytes;
      words >> kind;
      if (kind == "program")
        words >> maxRows >> width >> vocabulary >> arena >> scratch;
      else if (kind == "cache" && words >> layers >> heads >> key >> value)
        cacheBytes.push_back(layers * heads * (key + value));
      else if (kind == "weight" && words >> offset >> bytes)
        weights.emplace_back(offset, bytes);
      else
        words.setstate(std::ios::failbit);
      if (!words)
        fail(std::string(path) + ": cannot read '" + line + "'");
    }
    if (maxRows < 1)
      fail(std::string(path) + ": describes no program");
  }
};

class Model {
public:
  Model(const Description &description, std::span<const uint8_t> file, const char *code)
      : d(description), arena(d.arena), scratch(d.scratch * kThreads),
        hidden((d.maxRows + llmc::kResultRowPadding) * padded(d.width) * 4),
        logitsRows((kLogitsRows + llmc::kResultRowPadding) * padded(d.vocabulary) * 4) {
    for (auto [offset, bytes] : d.weights) {
      if (offset % 64 != 0 || offset > file.size() || bytes > file.size() - offset)
        fail("a weight lies outside its file");
      weights.push_back(file.data() + offset);
    }
    for (int64_t bytes : d.cacheBytes)
      states.push_back(caches.emplace_back(std::make_unique<Memory>(bytes * kCapacity))->data);
    void *library = dlopen(code, RTLD_NOW);
    if (!library)
      fail(dlerror());
    step = reinterpret_cast<StepFunction>(dlsym(library, "step"));
    logits = reinterpret_cast<StepFunction>(dlsym(library, "logits"));
    if (!step || !logits)
      fail(std::string(code) + ": has no step or no logits");
  }

  // Runs tokens, at most maxRows.
  void evaluate(std::span<const int32_t> tokens) {
    if (int64_t(tokens.size()) > d.maxRows || position + int64_t(tokens.size()) > kCapacity)
      fail("too many tokens");
    run(step, {reinterpret_cast<int64_t>(tokens.data()), position, address(hidden)}, tokens.size());
    position += tokens.size();
  }

  // Logits after each of `rows` tokens of the last evaluate(), at most kLogitsRows.
  std::vector<std::span<const float>> logitsOf(int64_t first, int64_t rows) {
    run(logits, {address(hidden) + first * padded(d.width) * 4, address(logitsRows)}, rows);
    std::vector<std::span<const float>> result;
    for (int64_t row = 0; row < rows; ++row)
      result.emplace_back(reinterpret_cast<const float *>(logitsRows.data) +
                              row * padded(d.vocabulary),
                          size_t(d.vocabulary));
    return result;
  }

private:
  static int64_t address(const Memory &memory) { return reinterpret_cast<int64_t>(memory.data); }

  void run(StepFunction function, const std::vector<int64_t> &arguments, int64_t rows) {
    StepContext context = {};
    context.weights = weights.data();
    context.states = states.data();
    context.arena = arena.data;
    context.scratch = scratch.data;
    context.arguments = arguments.data();
    context.team = &team;
    context.rows = rows;
    context.capacity = kCapacity;
    team.run([&](unsigned thread, unsigned threads) { function(&context, thread, threads); });
  }

  const Description &d;
  llmc::ThreadTeam team{kThreads};
  std::vector<const uint8_t *> weights;
  std::vector<std::unique_ptr<Memory>> caches;
  std::vector<uint8_t *> states;
  Memory arena, scratch, hidden, logitsRows;
  StepFunction step = nullptr, logits = nullptr;
  int64_t position = 0;
};

} // namespace

// The linker keeps what the loaded code calls.
[[maybe_unused]] static void *const kEntryPoints[] = {
#define LLMC_ENTRY_POINT(name) reinterpret_cast<void *>(&name),
#include "runtime/abi/EntryPoints.def"
#undef LLMC_ENTRY_POINT
};

int main(int argc, char **argv) {
  if (argc < 7)
    fail("usage: run_program PROGRAM WEIGHTS CODE ROWS COUNT TOKEN...");
  const Description description(argv[1]);
  const std::span<const uint8_t> file = mapFile(argv[2]);
  Model model(description, file, argv[3]);
  std::vector<int32_t> tokens;
  for (int i = 6; i < argc; ++i)
    tokens.push_back(std::atoi(argv[i]));
  const size_t rows = std::max(std::atol(argv[4]), 1L);
  const long count = std::atol(argv[5]);
  size_t step = 0;
  for (size_t at = 0; at < tokens.size(); at += step) {
    step = std::min(rows, tokens.size() - at);
    model.evaluate(std::span(tokens).subspan(at, step));
    for (int64_t row = 0; count == 0 && row < int64_t(step); row += kLogitsRows)
      for (std::span<const float> logits :
           model.logitsOf(row, std::min(kLogitsRows, int64_t(step) - row)))
        std::fwrite(logits.data(), sizeof(float), logits.size(), stdout);
  }
  for (long i = 0; i < count; ++i) {
    const std::span<const float> logits = model.logitsOf(int64_t(step) - 1, 1)[0];
    const int32_t best = std::ranges::max_element(logits) - logits.begin();
    std::cout << best << (i + 1 < count ? " " : "\n");
    step = 1;
    if (i + 1 < count)
      model.evaluate({&best, 1});
  }
  return std::cout.flush() && std::fflush(stdout) == 0 ? 0 : 1;
}
