// Early returns on a failed Status.
#ifndef LLMC_COMPILER_INTERPRETER_STATUS_H
#define LLMC_COMPILER_INTERPRETER_STATUS_H

#define LLMC_INTERPRETER_JOIN_(a, b) a##b
#define LLMC_INTERPRETER_JOIN(a, b) LLMC_INTERPRETER_JOIN_(a, b)

// Returns from the function if `expression`, a Status, is not OK.
#define LLMC_RETURN_IF_ERROR(expression)                                                           \
  if (absl::Status status_ = (expression); !status_.ok())                                          \
  return status_

// Declares `declaration` from `expression`, a StatusOr, or returns its status.
#define LLMC_ASSIGN_OR_RETURN(declaration, expression)                                             \
  LLMC_ASSIGN_OR_RETURN_AS(LLMC_INTERPRETER_JOIN(statusOr, __LINE__), declaration, expression)
#define LLMC_ASSIGN_OR_RETURN_AS(temporary, declaration, expression)                               \
  auto temporary = (expression);                                                                   \
  if (!temporary.ok())                                                                             \
    return temporary.status();                                                                     \
  declaration = *std::move(temporary)

#endif
