#include "compiler/PhaseDump/PageData.h"
#include "llvm/Support/JSON.h"

namespace llmc {
namespace {

// Names may be any bytes.
std::string text(const std::string &bytes) {
  return llvm::json::isUTF8(bytes) ? bytes : llvm::json::fixUTF8(bytes);
}

class Writer {
public:
  explicit Writer(llvm::raw_ostream &out) : json(out) {}

  void write(const PageData &data) {
    json.object([&] {
      attribute("title", data.title);
      attribute("target", data.target);
      json.attribute("objectBytes", int64_t(data.objectBytes));
      array("phases", data.phases, [&](const PhaseText &p) { phase(p); });
      array("remarks", data.remarks, [&](const PageData::Remark &r) { remark(r); });
      array("graphs", data.graphs, [&](const PageData::Graphs &g) {
        json.object([&] {
          json.attribute("phase", g.phase);
          array("functions", g.functions, [&](const ProgramGraph &f) { graph(f); });
        });
      });
      json.attributeObject("costs", [&] {
        json.attribute("phase", data.costs.phase);
        json.attribute("position", data.costs.steps.position);
        json.attribute("promptRows", data.costs.steps.promptRows);
        array("kernels", data.costs.kernels, [&](const KernelCost &k) { kernel(k); });
      });
      json.attributeObject("speed", [&] {
        json.attribute("threads", data.speed.threads);
        json.attribute("read", data.speed.readBytesPerSecond);
        json.attributeObject("peaks", [&] {
          for (const InstructionPeak &peak : data.speed.peaks)
            json.attribute(arithmeticName(peak.arithmetic), peak.multiplyAddsPerSecond);
        });
      });
    });
  }

private:
  void attribute(const char *key, const std::string &value) { json.attribute(key, text(value)); }

  template <class Range, class Write>
  void array(const char *key, const Range &range, Write write) {
    json.attributeArray(key, [&] {
      for (const auto &element : range)
        write(element);
    });
  }

  void numbers(const Lines &lines) {
    json.array([&] {
      for (unsigned line : lines)
        json.value(line);
    });
  }

  void phase(const PhaseText &p) {
    json.object([&] {
      attribute("name", p.name);
      attribute("description", p.description);
      attribute("file", p.fileName);
      attribute("text", p.text);
      json.attribute("seconds", p.seconds);
      // One origin is a number, none is 0.
      array("origins", p.origins, [&](const Lines &lines) {
        if (lines.size() > 1)
          numbers(lines);
        else
          json.value(lines.empty() ? 0 : lines[0]);
      });
      array("symbols", p.symbols, [&](const PhaseSymbol &symbol) {
        json.object([&] {
          attribute("name", symbol.name);
          json.attribute("first", symbol.first);
          json.attribute("last", symbol.last);
          if (!symbol.users.empty())
            array("users", symbol.users, [&](unsigned line) { json.value(line); });
        });
      });
      json.attributeObject("operations", [&] {
        for (const auto &[name, count] : p.operations)
          json.attribute(name, count);
      });
    });
  }

  void remark(const PageData::Remark &r) {
    json.object([&] {
      json.attribute("passed", r.remark.passed);
      attribute("text", r.remark.text);
      attribute("pass", r.remark.pass);
      attribute("function", r.remark.function);
      json.attribute("phase", r.phase);
      array("lines", r.lines, [&](unsigned line) { json.value(line); });
    });
  }

  void graph(const ProgramGraph &g) {
    json.object([&] {
      attribute("name", g.function);
      array("nodes", g.nodes, [&](const GraphNode &node) {
        json.object([&] {
          attribute("label", node.label);
          attribute("operation", node.operation);
          json.attribute("line", node.line);
          array("weights", node.weights, [&](const GraphWeight &weight) {
            json.object([&] {
              attribute("name", weight.name);
              attribute("format", weight.format);
              attribute("shape", weight.shape);
              json.attribute("bytes", int64_t(weight.bytes));
              json.attribute("count", weight.count);
            });
          });
          array("inputs", node.inputs, [&](const GraphNode::Edge &edge) {
            json.object([&] {
              json.attribute("from", edge.from);
              attribute("type", edge.type);
            });
          });
        });
      });
    });
  }

  void work(const char *key, const KernelWork &w) {
    json.attributeObject(key, [&] {
      json.attribute("weights", w.weightBytes);
      json.attribute("activations", w.activationBytes);
      json.attribute("cache", w.cacheBytes);
      json.attribute("multiplyAdds", w.multiplyAdds);
      json.attribute("arithmetic", arithmeticName(w.arithmetic));
    });
  }

  void kernel(const KernelCost &k) {
    json.object([&] {
      json.attribute("line", k.line);
      attribute("function", k.function);
      attribute("label", k.label);
      json.attribute("calls", k.calls);
      work("token", k.token);
      work("prompt", k.prompt);
    });
  }

  llvm::json::OStream json;
};

} // namespace

std::string pageJson(const PageData &data) {
  std::string result;
  llvm::raw_string_ostream out(result);
  Writer(out).write(data);
  return result;
}

} // namespace llmc
