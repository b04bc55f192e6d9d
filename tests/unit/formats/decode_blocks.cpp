// decode_blocks FORMAT < BLOCKS > FLOATS: the weights of blocks as little-endian f32.
// decode_blocks: the formats, one "NAME TYPE-ID WEIGHTS BYTES" per line.
#include "dialects/llm/Formats/BlockCodec.h"
#include <cstdio>
#include <vector>

using namespace llmc;

int main(int argc, char **argv) {
  if (argc == 1) {
    for (const BlockFormat &f : blockFormats())
      std::printf("%s %u %u %u\n", f.ggufName, f.ggmlType, f.weights, f.bytes);
    return 0;
  }
  const BlockFormat *format = nullptr;
  for (const BlockFormat &f : blockFormats())
    if (absl::string_view(f.ggufName) == argv[1])
      format = &f;
  if (!format)
    return std::fprintf(stderr, "decode_blocks: no format '%s'\n", argv[1]), 2;
  std::vector<uint8_t> bytes;
  for (int c; (c = std::getchar()) != EOF;)
    bytes.push_back(static_cast<uint8_t>(c));
  if (bytes.size() % format->bytes != 0)
    return std::fprintf(stderr, "decode_blocks: %zu bytes are not whole blocks of %s\n",
                        bytes.size(), format->ggufName),
           2;
  std::vector<float> weights(bytes.size() / format->bytes * format->weights);
  decodeRow(*format, bytes.data(), weights.size(), weights.data());
  return std::fwrite(weights.data(), sizeof(float), weights.size(), stdout) == weights.size() ? 0
                                                                                              : 1;
}
