#include "runtime/train/EarlyStopping.h"

#include "runtime/train/ExactText.h"

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

#include <cmath>

namespace llmc {

std::string EarlyStopping::afterStep(double loss) {
  if (options_.past > 0) {
    recent_.push_back(loss);
    if (static_cast<int64_t>(recent_.size()) > options_.past) {
      const double before = recent_.front();
      recent_.pop_front();
      if (std::abs(before - loss) < options_.delta * std::abs(loss))
        return absl::StrFormat("the loss is %.6g, as it was %d steps ago", loss, options_.past);
    }
  }
  return options_.validates ? "" : count(loss, "steps");
}

std::string EarlyStopping::afterValidation(double loss) {
  return options_.validates ? count(loss, "validations") : "";
}

std::string EarlyStopping::count(double loss, const char *what) {
  // The first loss is the best whatever it is; infinity times delta would be no number.
  if (std::isinf(best_) ? loss < best_ : best_ - loss > options_.delta * std::abs(best_)) {
    best_ = loss;
    sinceBest_ = 0;
    return "";
  }
  if (++sinceBest_ < options_.patience || options_.patience == 0)
    return "";
  return absl::StrFormat("no better loss than %.6g in %d %s", best_, sinceBest_, what);
}

std::string EarlyStopping::state() const {
  std::string out = absl::StrCat(sinceBest_, " ", exactText(best_));
  for (double loss : recent_)
    absl::StrAppend(&out, " ", exactText(loss));
  return out;
}

absl::Status EarlyStopping::restore(absl::string_view state) {
  const std::vector<absl::string_view> parts = absl::StrSplit(state, ' ');
  const absl::Status damaged =
      absl::InvalidArgumentError("the checkpoint's state of early stopping is damaged");
  EarlyStopping read(options_);
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &read.sinceBest_))
    return damaged;
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::optional<double> loss = parseExact(parts[i]);
    if (!loss)
      return damaged;
    if (i == 1)
      read.best_ = *loss;
    else
      read.recent_.push_back(*loss);
  }
  // A run that is resumed with another `past`.
  while (static_cast<int64_t>(read.recent_.size()) > options_.past)
    read.recent_.pop_front();
  *this = std::move(read);
  return absl::OkStatus();
}

} // namespace llmc
