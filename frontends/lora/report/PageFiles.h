// The files of the directory `page`, embedded when llmc is built.
#ifndef LLMC_FRONTENDS_LORA_REPORT_PAGEFILES_H
#define LLMC_FRONTENDS_LORA_REPORT_PAGEFILES_H

#include "absl/strings/string_view.h"

namespace llmc::lora {

extern const absl::string_view kPageHtml, kPageStyle, kPageScript;

} // namespace llmc::lora

#endif
