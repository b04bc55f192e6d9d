// Permission to use the CPU's matrix unit (AMX).
#ifndef LLMC_RUNTIME_CORE_MATRIXUNIT_H
#define LLMC_RUNTIME_CORE_MATRIXUNIT_H

namespace llmc {

// Linux gives a process the tile registers only when it asks. Asks once; true when compiled code may
// use them, in all threads. False where CPU or system have none.
bool enableMatrixUnit();

} // namespace llmc

#endif
