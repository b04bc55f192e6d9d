// When an answer is right.
#ifndef LLMC_FRONTENDS_EVAL_EXACTMATCH_H
#define LLMC_FRONTENDS_EVAL_EXACTMATCH_H

#include "absl/strings/string_view.h"
#include <string>

namespace llmc::eval {

// The answer as it is compared: without white space at both ends, and of what follows, as many
// lines as the completion has without that. A model that goes on after the answer may do so on a
// new line.
std::string comparedAnswer(absl::string_view answer, absl::string_view completion);

bool isExactMatch(absl::string_view answer, absl::string_view completion);

// Whether more text would not change comparedAnswer().
bool hasAllLines(absl::string_view answer, absl::string_view completion);

} // namespace llmc::eval

#endif
