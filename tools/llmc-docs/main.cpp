// Writes the reference pages that come from the compiler's tables: `llmc-reference OUT PASSES`,
// where PASSES is the folder with mlir-tblgen's pages of passes.
#include "absl/strings/str_cat.h"
#include "runtime/core/AtomicFile.h"
#include "tools/llmc-docs/Pages.h"
#include <cstdio>

namespace llmc::docs {
namespace {

constexpr absl::string_view kContents = R"(# Reference

- [Phases and passes](Passes.md)
- [Dialect `llm`](LlmDialect.md): models as tensor programs
- [Dialect `kernel`](KernelDialect.md): the CPU level below tensors
- [Block formats](BlockFormats.md): how weights are stored
- [Kernels](Kernels.md): what the hot loops of matrix products do, and their limits
- [Training configs](Training.md): their keys, and what became of the old `finetune` program's flags
)";

absl::Status writePage(absl::string_view folder, absl::string_view name, absl::string_view text) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(absl::StrCat(folder, "/", name));
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(text); !status.ok())
    return status;
  return file->commit();
}

absl::Status writePages(absl::string_view folder, absl::string_view passPages) {
  absl::StatusOr<std::string> passes = passesPage(passPages);
  if (!passes.ok())
    return passes.status();
  absl::Status status = writePage(folder, "Passes.md", *passes);
  status.Update(writePage(folder, "BlockFormats.md", blockFormatsPage()));
  status.Update(writePage(folder, "Training.md", trainingPage()));
  status.Update(writePage(folder, "README.md", kContents));
  return status;
}

} // namespace
} // namespace llmc::docs

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fputs("usage: llmc-reference OUT PASSES\n", stderr);
    return 2;
  }
  absl::Status status = llmc::docs::writePages(argv[1], argv[2]);
  if (!status.ok())
    std::fprintf(stderr, "llmc-reference: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
