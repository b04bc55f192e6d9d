// AdamW and schedules on numbers from stdin, for check_torch.py.
//
//   optimizer_trace adam STEPS LR DECAY MAXNORM SCALE   f32: a 5 x 7 matrix and a vector of 11,
//   then
//                                                       as many gradients for each step; writes the
//                                                       values after each step and the norm
//   optimizer_trace schedule KIND LR WARMUP TOTAL DECAYSTEPS GROWTH MINRATIO   f64: each step's
//   rate
#include "runtime/train/AdamW.h"
#include "runtime/train/Schedule.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace llmc;

int main(int argc, char **argv) {
  if (argc == 7 && !std::strcmp(argv[1], "adam")) {
    std::vector<float> values(46), gradients(46);
    if (std::fread(values.data(), 4, 46, stdin) != 46)
      return 1;
    AdamW adam({{"matrix", {5, 7}, std::span(values).first(35), std::span(gradients).first(35)},
                {"vector", {11}, std::span(values).last(11), std::span(gradients).last(11)}},
               {.weightDecay = std::atof(argv[4]), .maxNorm = std::atof(argv[5])});
    ThreadTeam team(1);
    for (int step = 0; step < std::atoi(argv[2]); ++step) {
      if (std::fread(gradients.data(), 4, 46, stdin) != 46)
        return 1;
      const auto norm =
          static_cast<float>(adam.step(std::atof(argv[3]), std::atof(argv[6]), team).gradientNorm);
      std::fwrite(values.data(), 4, 46, stdout);
      std::fwrite(&norm, 4, 1, stdout);
    }
    return 0;
  }
  if (argc == 9 && !std::strcmp(argv[1], "schedule")) {
    Schedule schedule;
    schedule.kind = findScheduleKind(argv[2]).value();
    schedule.learningRate = std::atof(argv[3]);
    schedule.warmupSteps = std::atoi(argv[4]);
    schedule.totalSteps = std::atoi(argv[5]);
    schedule.decaySteps = std::atoi(argv[6]);
    schedule.restartGrowth = std::atof(argv[7]);
    schedule.minRatio = std::atof(argv[8]);
    for (int64_t step = 0; step < schedule.totalSteps; ++step) {
      const double rate = schedule.at(step);
      std::fwrite(&rate, sizeof(rate), 1, stdout);
    }
    return 0;
  }
  return 2;
}
