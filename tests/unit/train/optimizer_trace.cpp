// AdamW and schedules on numbers from stdin, for check_torch.py.
//
//   optimizer_trace adam STEPS LR DECAY MAXNORM SCALE FACTOR
//                                                       f32: a 5 x 7 matrix, whose learning rate is
//                                                       FACTOR times LR, and a vector of 11, then
//                                                       as many gradients for each step; writes the
//                                                       values after each step and the norm
//   optimizer_trace blocks STEPS LR DECAY COUNT         f32: COUNT values, then as many gradients
//                                                       for each step; writes after each step the
//                                                       values, and of each moment, codes and
//                                                       scales
//   optimizer_trace seconds FORMAT STEPS MILLIONS       CPU time of each of some steps
//   optimizer_trace schedule KIND LR WARMUP TOTAL DECAYSTEPS GROWTH MINRATIO   f64: each step's
//   rate
#include "runtime/train/AdamW.h"
#include "runtime/train/Random.h"
#include "runtime/train/Schedule.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

using namespace llmc;

int main(int argc, char **argv) {
  if (argc == 8 && !std::strcmp(argv[1], "adam")) {
    std::vector<float> values(46), gradients(46);
    if (std::fread(values.data(), 4, 46, stdin) != 46)
      return 1;
    AdamW adam({{"matrix",
                 {5, 7},
                 std::span(values).first(35),
                 std::span(gradients).first(35),
                 std::atof(argv[7])},
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
  if (argc == 6 && !std::strcmp(argv[1], "blocks")) {
    const size_t count = std::atoi(argv[5]);
    std::vector<float> values(count), gradients(count);
    if (std::fread(values.data(), 4, count, stdin) != count)
      return 1;
    AdamW adam({{"matrix", {1, count}, values, gradients}},
               {.weightDecay = std::atof(argv[4]), .moments = MomentFormat::Blocks8});
    ThreadTeam team(1);
    for (int step = 0; step < std::atoi(argv[2]); ++step) {
      if (std::fread(gradients.data(), 4, count, stdin) != count)
        return 1;
      adam.step(std::atof(argv[3]), 1, team);
      std::fwrite(values.data(), 4, count, stdout);
      for (const AdamW::Moment *moment : {&adam.firstMoment(0), &adam.secondMoment(0)}) {
        std::fwrite(moment->codes.data(), 1, moment->codes.size(), stdout);
        std::fwrite(moment->scales.data(), 4, moment->scales.size(), stdout);
      }
    }
    return 0;
  }
  if (argc == 5 && !std::strcmp(argv[1], "seconds")) {
    const size_t count = std::atoi(argv[4]) * 1000000;
    std::vector<float> values(count), gradients(count);
    AdamW adam(
        {{"matrix", {1000, count / 1000}, values, gradients}},
        {.moments = std::strcmp(argv[2], "blocks") ? MomentFormat::F32 : MomentFormat::Blocks8});
    ThreadTeam team(1);
    for (int step = 0; step < std::atoi(argv[3]); ++step) {
      Random random(step);
      for (float &g : gradients)
        g = static_cast<float>(random.uniform() - 0.5);
      const std::clock_t start = std::clock();
      adam.step(1e-3, 1, team);
      std::printf("%.4f\n", double(std::clock() - start) / CLOCKS_PER_SEC);
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
