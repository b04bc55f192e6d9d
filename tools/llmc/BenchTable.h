// Tables in Markdown that are also readable as they are.
#ifndef LLMC_TOOLS_LLMC_BENCHTABLE_H
#define LLMC_TOOLS_LLMC_BENCHTABLE_H

#include "absl/strings/string_view.h"
#include "frontends/tokenizer/Utf8.h"
#include <algorithm>
#include <string>
#include <vector>

namespace llmc::cli {

class MarkdownTable {
public:
  // The first `leftColumns` columns hold words, the others numbers.
  explicit MarkdownTable(size_t leftColumns) : leftColumns_(leftColumns) {}

  // The first row is the heading; rows that are shorter end in empty cells.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  std::string text() const {
    std::vector<size_t> widths;
    for (const auto &row : rows_)
      for (size_t i = 0; i < row.size(); ++i) {
        if (i == widths.size())
          widths.push_back(3);
        widths[i] = std::max(widths[i], tokenizer::characterCount(row[i]));
      }
    std::string out;
    for (size_t r = 0; r < rows_.size(); ++r) {
      out += '|';
      for (size_t i = 0; i < widths.size(); ++i) {
        const std::string cell = i < rows_[r].size() ? rows_[r][i] : "";
        const std::string padding(widths[i] - tokenizer::characterCount(cell), ' ');
        out += ' ' + (i < leftColumns_ ? cell + padding : padding + cell) + " |";
      }
      out += '\n';
      if (r == 0)
        out += rule(widths);
    }
    return out;
  }

private:
  std::string rule(const std::vector<size_t> &widths) const {
    std::string line = "|";
    for (size_t i = 0; i < widths.size(); ++i)
      line += i < leftColumns_ ? ' ' + std::string(widths[i], '-') + " |"
                               : ' ' + std::string(widths[i] - 1, '-') + ": |";
    return line + '\n';
  }

  size_t leftColumns_;
  std::vector<std::vector<std::string>> rows_;
};

} // namespace llmc::cli

#endif
