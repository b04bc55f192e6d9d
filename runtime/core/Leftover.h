#ifndef LLMC_RUNTIME_CORE_LEFTOVER_H
#define LLMC_RUNTIME_CORE_LEFTOVER_H

#include <memory>
#include <string>

namespace llmc {

/// A file, or a folder that is empty by then, that would be left over if the process ended at once.
/// While one lives, removeLeftovers() removes its path; destroying it leaves the path alone. There
/// is room for some hundreds; more than that are not removed.
class Leftover {
public:
  Leftover() = default;
  explicit Leftover(std::string path);
  Leftover(Leftover &&other) noexcept;
  Leftover &operator=(Leftover &&other) noexcept;
  ~Leftover();

private:
  std::unique_ptr<const std::string> path_; ///< where a signal handler can find it
  int slot_ = -1;
};

/// Removes all of them, files before folders. May be called by a signal handler.
void removeLeftovers();

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_LEFTOVER_H
