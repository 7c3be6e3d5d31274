// Signals and road users of one intersection, as they come. In a folder with `protos` (Debian 12: libgrpc++-dev
// protobuf-compiler-grpc pkg-config g++):
//   protoc -I protos --cpp_out=. --grpc_out=. --plugin=protoc-gen-grpc=$(which grpc_cpp_plugin) protos/edge/v1/*.proto
//   g++ -std=c++17 -I. protos/examples/signals.cc edge/v1/*.cc $(pkg-config --cflags --libs grpc++ protobuf) -o signals
//   ./signals 127.0.0.1:50051
#include <chrono>
#include <iostream>

#include <grpcpp/grpcpp.h>

#include "edge/v1/node.grpc.pb.h"

int main(int count, char** words) {
  grpc::ChannelArguments arguments;  // no buffers full of old updates
  arguments.SetInt("grpc.http2.bdp_probe", 0);
  arguments.SetInt("grpc.http2.lookahead_bytes", 4096);
  const auto channel = grpc::CreateCustomChannel(count > 1 ? words[1] : "127.0.0.1:50051",
                                                 grpc::InsecureChannelCredentials(), arguments);
  const auto node = edge::v1::IntersectionService::NewStub(channel);

  grpc::ClientContext context;
  edge::v1::SubscribeRequest request;
  request.add_layers(edge::v1::LAYER_SIGNALS);
  request.add_layers(edge::v1::LAYER_SCENE);
  const auto updates = node->Subscribe(&context, request);
  edge::v1::Update update;
  while (updates->Read(&update)) {
    const auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    if (now_ns > update.valid_until_ns()) continue;  // expired: never use it
    std::cout << (now_ns - update.capture_ns()) / 1000000 << " ms old: ";
    if (update.has_scene()) std::cout << update.scene().road_users_size() << " road users" << std::endl;
    if (update.has_signals() && update.signals().withdrawn()) std::cout << "signals withdrawn" << std::endl;
    if (update.has_signals() && !update.signals().withdrawn()) {
      for (const auto& group : update.signals().groups()) std::cout << group.signal_group() << " " << group.state() << "  ";
      std::cout << std::endl;
    }
  }
  std::cerr << updates->Finish().error_message() << std::endl;
  return 1;
}
