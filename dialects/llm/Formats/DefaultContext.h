// How many positions a program is made for, and its sessions hold, where nobody says.
#ifndef LLMC_DIALECTS_LLM_FORMATS_DEFAULTCONTEXT_H
#define LLMC_DIALECTS_LLM_FORMATS_DEFAULTCONTEXT_H

#include <algorithm>
#include <cstdint>

namespace llmc {

// `trained`: those that the model was trained for. More than a few thousand would take memory that
// most conversations never use.
inline int64_t defaultContext(int64_t trained) { return std::min<int64_t>(trained, 4096); }

} // namespace llmc

#endif
