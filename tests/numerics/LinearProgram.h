// Programs of linear layers, with what may stand around them, and the numbers that they must give.
#ifndef LLMC_TESTS_NUMERICS_LINEARPROGRAM_H
#define LLMC_TESTS_NUMERICS_LINEARPROGRAM_H

#include "tests/numerics/TestData.h"

namespace llmc {

// One weight matrix that the input is multiplied with.
struct Product {
  const BlockFormat *format;
  int64_t n;
  bool bias = false;
};

// A function of the program.
struct LinearCase {
  std::string name;
  int64_t k;
  std::vector<Product> products;
  bool norm = false;
  bool residual = false; // added to the only product
  const char *activation =
      nullptr; // "swiglu" or "geglu" of the two products, gate and up, or "gelu"
};

class LinearProgram {
public:
  LinearProgram(std::vector<LinearCase> cases, JitProgram::Options options);

  // Runs every function for each number of rows and compares all elements.
  void check(const std::vector<int64_t> &rowCounts);

private:
  void checkCase(const LinearCase &c, int64_t rows);
  // Rows that round to the same integers whether the norm is computed in f32 or in double.
  Rows makeInput(const LinearCase &c, int64_t rows);
  TensorValue<double> normalized(const LinearCase &c, const Rows &input);

  // Bounds of the rounding errors of one product: of its sum, element by element.
  std::vector<double> sumBounds(const LinearCase &c, size_t product,
                                const TensorValue<double> &input);

  std::vector<LinearCase> cases_;
  Random random_{20240917};
  WeightBytes weights_;
  std::unique_ptr<JitProgram> jit_;
  // The same functions on unfused operations, with the input once as it is and once quantized. For
  // steps on the matrix unit, block formats are f32 weights that are rounded already.
  std::unique_ptr<ParsedProgram> oracle_, matrixUnitOracle_;
};

} // namespace llmc

#endif
