// Feeds any bytes to the readers of importance matrices, GGUF and .dat, and adds up and writes what
// they accept.
#include "frontends/gguf/quantize/ImportanceMatrix.h"
#include "frontends/gguf/quantize/ImportanceSums.h"
#include "tests/fuzz/Fuzz.h"
#include <cmath>

using namespace llmc;
using fuzz::require;
using quantize::ImportanceMatrix;
using quantize::ImportanceSums;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const fuzz::Folder folder;
  const std::string path = folder.write("fuzz.imatrix", fuzz::textOf({data, size}));
  absl::StatusOr<ImportanceSums> sums = ImportanceSums::load(path, 512);
  if (!sums.ok()) {
    fuzz::requireError(sums.status(), path);
    return 0;
  }
  require(!sums->entries().empty());
  for (const auto &[name, entry] : sums->entries()) {
    require(!entry.counts.empty() && entry.sums.size() % entry.counts.size() == 0);
    for (double sum : entry.sums)
      require(std::isfinite(sum) && sum >= 0);
    for (size_t i = 0; i < entry.sums.size(); ++i)
      require(std::isfinite(entry.mean(i)));
  }
  if (absl::StatusOr<ImportanceMatrix> matrix = ImportanceMatrix::load(path); matrix.ok()) {
    for (const auto &[name, entry] : sums->entries())
      for (float value : matrix->find(name))
        require(std::isfinite(value) && value >= 0);
  } else {
    fuzz::requireError(matrix.status(), path);
  }
  ImportanceSums joined(512);
  if (absl::Status status = joined.add(*sums, "fuzz.imatrix"); !status.ok())
    fuzz::requireError(status, "fuzz.imatrix");
  return 0;
}
