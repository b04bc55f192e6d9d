// The programs that a model's layers become a part of.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_PROGRAMS_H
#define LLMC_FRONTENDS_GGUF_IMPORT_PROGRAMS_H

#include "frontends/gguf/import/Architectures.h"

namespace llmc {

// @step and @logits, see importGguf().
absl::Status buildGeneration(ModelBuilder &, const Architecture &, const ImportOptions &);
// @loss, see importGgufForTraining().
absl::Status buildTraining(ModelBuilder &, const Architecture &, const TrainingImportOptions &);

} // namespace llmc

#endif
