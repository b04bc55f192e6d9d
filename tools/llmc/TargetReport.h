// What code for a CPU is made of, and why: `llmc inspect --target`.
#ifndef LLMC_TOOLS_LLMC_TARGETREPORT_H
#define LLMC_TOOLS_LLMC_TARGETREPORT_H

#include "compiler/Target/TargetDescription.h"
#include <nlohmann/json.hpp>
#include <string>

namespace llmc::cli {

nlohmann::ordered_json targetJson(const TargetDescription &target);
std::string targetText(const TargetDescription &target);

} // namespace llmc::cli

#endif
