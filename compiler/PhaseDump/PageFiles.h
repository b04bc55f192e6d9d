// The files of the directory `page`, embedded when llmc is built.
#ifndef LLMC_COMPILER_PHASEDUMP_PAGEFILES_H
#define LLMC_COMPILER_PHASEDUMP_PAGEFILES_H

#include "absl/strings/string_view.h"

namespace llmc {

extern const absl::string_view kPageHtml, kPageStyle;
extern const absl::string_view kPageScript; // all scripts, one after the other

} // namespace llmc

#endif
