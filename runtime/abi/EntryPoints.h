// C declarations of the functions that compiled code calls.
#ifndef LLMC_RUNTIME_ABI_ENTRYPOINTS_H
#define LLMC_RUNTIME_ABI_ENTRYPOINTS_H

#include <cstdint>

extern "C" {

// All threads of the team wait here for each other; `team` is StepContext::team.
void llmc_team_barrier(void *team);

// Fills rows [firstRow, lastRow) of a rotary table, `rowBytes` apart: cosine and sine, times
// `magnitude`, of (start + row) * frequencies[i] / factors[i] for each of `pairs` pairs. `factors`
// may be null. Angles are computed in double precision.
void llmc_rope_table(float *table, int64_t rowBytes, int64_t start, int64_t firstRow,
                     int64_t lastRow, const double *frequencies, int64_t pairs,
                     const float *factors, double magnitude);

// Chooses `topK` of `experts` experts for tokens [first, last), see llm.route: fills their ids and
// weights in a table of RoutingLayout(experts, topK, tile, maxRows). Rows of logits are `rowBytes`
// apart.
void llmc_route(void *table, const float *logits, int64_t rowBytes, int64_t first, int64_t last,
                int64_t experts, int64_t topK, int64_t tile, int64_t maxRows, int64_t normalize);

// Fills the rest of such a table from the ids of `rows` tokens.
void llmc_group_tokens(void *table, int64_t rows, int64_t experts, int64_t topK, int64_t tile,
                       int64_t maxRows);

// All threads have written the gradients of layers from `layer` on, and of what lies behind them.
// `progress` is StepContext::progress; called by one thread.
void llmc_layer_adjoint_done(void *progress, int64_t layer);
}

#endif
