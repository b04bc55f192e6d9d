// Reference pages that are written from the compiler's own tables.
#ifndef LLMC_TOOLS_LLMC_DOCS_PAGES_H
#define LLMC_TOOLS_LLMC_DOCS_PAGES_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <string>

namespace llmc::docs {

// The block formats: a table of all, then of each its fields and its packed layout.
std::string blockFormatsPage();

// The phases in order, each with its passes. `folder` has what mlir-tblgen wrote of each phase's
// passes, "FusePasses.md" for `fuse`; phases without such a file have only passes of MLIR.
absl::StatusOr<std::string> passesPage(absl::string_view folder);

// The keys of training configs, and the old program's flags.
std::string trainingPage();

} // namespace llmc::docs

#endif
