// A folder of a test's own, removed with all that is in it.
#ifndef LLMC_TESTS_UNIT_GGUF_TEMPFOLDER_H
#define LLMC_TESTS_UNIT_GGUF_TEMPFOLDER_H

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace llmc::gguf::testing {

class TempFolder {
public:
  TempFolder() {
    std::string pattern = ::testing::TempDir() + "llmc-gguf-XXXXXX";
    if (!::mkdtemp(pattern.data()))
      std::abort();
    folder_ = pattern;
  }
  ~TempFolder() { std::filesystem::remove_all(folder_); }
  TempFolder(const TempFolder &) = delete;
  TempFolder &operator=(const TempFolder &) = delete;

  std::string path(const std::string &name) const { return folder_ / name; }
  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(folder_))
      names.insert(entry.path().filename());
    return names;
  }
  void write(const std::string &name, const std::vector<uint8_t> &bytes) const {
    std::ofstream out(path(name), std::ios::binary);
    out.write(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  }
  std::vector<uint8_t> read(const std::string &name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

private:
  std::filesystem::path folder_;
};

} // namespace llmc::gguf::testing

#endif
