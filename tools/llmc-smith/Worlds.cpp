#include "tools/llmc-smith/Worlds.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"
#include <cmath>

namespace llmc::smith {
namespace {

// Enough for most programs, and for those in which a value that is rounded is close to a tie, so
// that only some worlds go the way of compiled code.
constexpr size_t kFewWorlds = 4, kManyWorlds = 40;
// How much further from a world than the farthest other one compiled code may be: few worlds say
// little of the farthest that there could be.
constexpr double kMargin = 4;
// Of the largest of a row.
constexpr double kLeast = 0x1p-21;

} // namespace

absl::Status Worlds::call(World &world, const Call &call) const {
  LLMC_ASSIGN_OR_RETURN(
      auto values,
      world.interpreter->call(call.function, interpreterArguments<double>(call.arguments)));
  world.last.clear();
  for (InterpreterValue<double> &value : values)
    world.last.push_back(std::get<TensorRef<double>>(value));
  for (TensorValue<double> &gradient : numbers_.gradientsOf(*world.interpreter))
    world.last.push_back(std::make_shared<const TensorValue<double>>(std::move(gradient)));
  for (const TensorRef<double> &result : world.last)
    for (double x : result->data)
      if (!(std::abs(x) < 1e30))
        return absl::InternalError("the program leaves the range of f32");
  return absl::OkStatus();
}

absl::Status Worlds::grow(size_t count) {
  while (worlds_.size() < count) {
    World world;
    world.arithmetic = std::make_unique<CompiledArithmetic>(target_, products_,
                                                            static_cast<uint32_t>(worlds_.size()));
    world.interpreter = std::make_unique<Interpreter<double>>(module_, numbers_.weightSource());
    numbers_.setParameters(*world.interpreter);
    world.interpreter->setArithmetic(world.arithmetic.get());
    for (const Call &c : calls_)
      LLMC_RETURN_IF_ERROR(call(world, c));
    worlds_.push_back(std::move(world));
  }
  return absl::OkStatus();
}

absl::Status Worlds::compare(const std::vector<Rows> &is) const {
  for (size_t i = 0; i < is.size(); ++i) {
    const TensorValue<double> &center = *worlds_[0].last[i];
    if (is[i].count != center.rows() || is[i].width != center.columns())
      return absl::InternalError("results of another shape than the interpreter's");
    for (int64_t r = 0; r < is[i].count; ++r) {
      double spread = 0, largest = 0, worst = -1;
      int64_t at = 0;
      for (int64_t c = 0; c < is[i].width; ++c) {
        const double expected = center.row(r)[c], distance = std::abs(is[i].at(r, c) - expected);
        largest = std::max(largest, std::abs(expected));
        for (const World &world : worlds_)
          spread = std::max(spread, std::abs(world.last[i]->row(r)[c] - expected));
        if (!(distance <= worst)) // NaN is the worst
          worst = std::isnan(distance) ? INFINITY : distance, at = c;
      }
      double allowed = kMargin * spread + kLeast * largest;
      if (is[i].width == 1) // a loss: a difference of two numbers of the order of 10, each rounded
        allowed += 20 * 0x1p-24;
      if (!(worst <= allowed))
        return absl::InternalError(absl::StrCat("result ", i, ", row ", r, " of ", is[i].count,
                                                ", column ", at, " of ", is[i].width, ": ",
                                                is[i].at(r, at), ", expected ", center.row(r)[at],
                                                " within ", allowed, " (off by ", worst, ")"));
    }
  }
  return absl::OkStatus();
}

absl::Status Worlds::check(const std::string &function, const Arguments &arguments,
                           const std::vector<Rows> &is) {
  LLMC_RETURN_IF_ERROR(grow(kFewWorlds));
  calls_.push_back({function, arguments});
  for (World &world : worlds_)
    LLMC_RETURN_IF_ERROR(call(world, calls_.back()));
  if (compare(is).ok())
    return absl::OkStatus();
  LLMC_RETURN_IF_ERROR(grow(kManyWorlds));
  return compare(is);
}

} // namespace llmc::smith
