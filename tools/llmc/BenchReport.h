// How `llmc bench` shows what it found.
#ifndef LLMC_TOOLS_LLMC_BENCHREPORT_H
#define LLMC_TOOLS_LLMC_BENCHREPORT_H

#include "tools/llmc/BenchCompare.h"
#include "tools/llmc/BenchTest.h"
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace llmc::cli {

// `comparison` may be nullptr in all of these.

// A row for each test of each model, or with --types a column for each model.
std::string benchMarkdown(const BenchReport &report, const BenchComparison *comparison);

// A list with an object for each test of each model.
nlohmann::ordered_json benchJson(const BenchReport &report, const BenchComparison *comparison);

// The same with a line for each test, under one of names.
std::string benchCsv(const BenchReport &report, const BenchComparison *comparison);

// Bars of the speed that generation reads memory with, against the limit: a picture that needs no
// other file.
std::string benchSvg(const BenchReport &report, const BenchComparison *comparison);

// "4 threads", "1 thread"
std::string threadsText(unsigned threads);

} // namespace llmc::cli

#endif
