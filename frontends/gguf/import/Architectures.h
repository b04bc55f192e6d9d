// The table of model architectures.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_ARCHITECTURES_H
#define LLMC_FRONTENDS_GGUF_IMPORT_ARCHITECTURES_H

#include "frontends/gguf/import/ModelBuilder.h"

namespace llmc {

struct Architecture {
  const char *name; // general.architecture
  absl::Status (*build)(ModelBuilder &, const ImportOptions &);
  absl::Status (*buildTraining)(ModelBuilder &, const TrainingImportOptions &);
};

llvm::ArrayRef<Architecture> architectures();

absl::Status buildLlama(ModelBuilder &, const ImportOptions &);
absl::Status buildLlamaTraining(ModelBuilder &, const TrainingImportOptions &);

} // namespace llmc

#endif
