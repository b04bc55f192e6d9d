// The text of a program from elsewhere, before MLIR's parser sees it.
#ifndef LLMC_COMPILER_ARTIFACT_PROGRAMTEXT_H
#define LLMC_COMPILER_ARTIFACT_PROGRAMTEXT_H

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace llmc {

// MLIR's parser calls itself for whatever is nested, as deep as a text wants it to.
// InvalidArgument, with the line, for a text that is nested deeper, or longer, than any program is.
absl::Status checkProgramText(absl::string_view text);

} // namespace llmc

#endif
