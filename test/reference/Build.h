// Build.h - checked programs written by hand, for tests of what consumes them without the front end.
#pragma once

#include "compiler/check/Program.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace heed::build {

inline int failures = 0;

inline void expect(bool condition, std::string const &what) {
  if (!condition)
    std::printf("failed: %s\n", what.c_str()), ++failures;
}

inline ExprPtr make(Scalar type, decltype(Expr::node) node) {
  return std::make_shared<Expr>(Expr{type, {}, std::move(node)});
}
inline ExprPtr real(double value) { return make(Scalar::Real, Expr::RealConstant{value}); }
inline ExprPtr integer(int64_t value) { return make(Scalar::Int, Expr::IntConstant{value}); }
inline ExprPtr at(IndexId index) { return make(Scalar::Int, Expr::IndexValue{index}); }
inline ExprPtr size(Size value) { return make(Scalar::Int, Expr::SizeValue{value}); }

inline ExprPtr unary(UnaryOp op, ExprPtr x) {
  Scalar type = op == UnaryOp::ToReal ? Scalar::Real : op == UnaryOp::ToInt ? Scalar::Int : x->type;
  return make(type, Expr::Unary{op, std::move(x)});
}
inline ExprPtr binary(BinaryOp op, ExprPtr x, ExprPtr y) {
  Scalar type = op >= BinaryOp::Equal ? Scalar::Bool : x->type;
  return make(type, Expr::Binary{op, std::move(x), std::move(y)});
}
inline ExprPtr operator+(ExprPtr x, ExprPtr y) { return binary(BinaryOp::Add, std::move(x), std::move(y)); }
inline ExprPtr operator-(ExprPtr x, ExprPtr y) { return binary(BinaryOp::Subtract, std::move(x), std::move(y)); }
inline ExprPtr operator*(ExprPtr x, ExprPtr y) { return binary(BinaryOp::Multiply, std::move(x), std::move(y)); }
inline ExprPtr operator/(ExprPtr x, ExprPtr y) { return binary(BinaryOp::Divide, std::move(x), std::move(y)); }
inline ExprPtr lessEqual(ExprPtr x, ExprPtr y) { return binary(BinaryOp::LessEqual, std::move(x), std::move(y)); }
inline ExprPtr less(ExprPtr x, ExprPtr y) { return binary(BinaryOp::Less, std::move(x), std::move(y)); }
inline ExprPtr select(ExprPtr c, ExprPtr x, ExprPtr y) {
  Scalar type = x->type;
  return make(type, Expr::Select{std::move(c), std::move(x), std::move(y)});
}
inline ExprPtr reduce(ReduceKind kind, std::vector<IndexId> indices, ExprPtr body, ExprPtr domain = nullptr) {
  bool place = kind == ReduceKind::ArgMax || kind == ReduceKind::ArgMin;
  Scalar type = place ? Scalar::Int : body->type;
  return make(type, Expr::Reduce{kind, std::move(indices), std::move(domain), std::move(body)});
}
inline ExprPtr sum(IndexId index, ExprPtr body, ExprPtr domain = nullptr) {
  return reduce(ReduceKind::Sum, {index}, std::move(body), std::move(domain));
}

/// Adds to a Program; every helper returns the id of what it made.
struct Builder {
  Program program;

  Size dim(std::string name, int64_t maximum = -1, bool fromUntil = false) {
    Dim made;
    made.name = std::move(name);
    made.maximum = maximum;
    made.fromUntil = fromUntil;
    program.dims.push_back(std::move(made));
    return Size{0, {{DimId(program.dims.size() - 1), 1}}};
  }
  IndexId index(std::string name, Size size) {
    program.indices.push_back({std::move(name), std::move(size)});
    return program.indices.size() - 1;
  }
  TensorId tensor(std::string name, std::vector<Size> shape, TensorKind kind = TensorKind::Defined,
                  Element element = Element::F32) {
    Tensor made;
    made.name = std::move(name);
    made.kind = kind;
    made.element = element;
    made.shape = std::move(shape);
    program.tensors.push_back(std::move(made));
    return program.tensors.size() - 1;
  }
  TensorId input(std::string name, std::vector<Size> shape, Element element = Element::F32) {
    TensorId made = tensor(std::move(name), std::move(shape), TensorKind::Input, element);
    program.inputs.push_back(made);
    return made;
  }
  TensorId param(std::string name, std::vector<Size> shape) {
    TensorId made = tensor(std::move(name), std::move(shape), TensorKind::Param);
    program.params.push_back(made);
    return made;
  }
  ExprPtr read(TensorId tensor, std::vector<ExprPtr> subscripts, bool checked = false) {
    Element element = program.tensors[tensor].element;
    Scalar type = element == Element::I32 ? Scalar::Int : element == Element::Bool ? Scalar::Bool : Scalar::Real;
    return make(type, Expr::Read{tensor, std::move(subscripts), checked});
  }
  Definition define(TensorId tensor, std::vector<IndexId> indices, ExprPtr value, ExprPtr domain = nullptr,
                    int softmaxAxis = -1, int timeAxis = -1) {
    return {tensor, std::move(indices), std::move(domain), std::move(value), softmaxAxis, timeAxis};
  }
  void add(Step step) { program.steps.push_back(std::move(step)); }
  void output(TensorId tensor) { program.outputs.push_back(tensor); }
};

} // namespace heed::build
