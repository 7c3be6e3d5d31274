// Signals and road users of one intersection, as they come. In a module named "roadside" with `protos`:
//
//	protoc -I protos --go_out=. --go-grpc_out=. protos/edge/v1/*.proto
//	cp protos/examples/signals.go . && go mod tidy && go run . 127.0.0.1:50051
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	edgev1 "roadside/edge/v1"

	"google.golang.org/grpc"
)

func main() {
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	stream, err := edgev1.NewIntersectionServiceClient(connection).SubscribeWithCredit(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	want := &edgev1.SubscribeRequest{Layers: []edgev1.Layer{edgev1.Layer_LAYER_SIGNALS, edgev1.Layer_LAYER_SCENE}}
	err = stream.Send(&edgev1.CreditRequest{Step: &edgev1.CreditRequest_Subscribe{Subscribe: want}})
	for read := uint64(1); err == nil; read++ {
		update, failed := stream.Recv()
		if failed != nil {
			log.Fatal(failed)
		}
		if now := time.Now().UnixNano(); now <= update.GetValidUntilNs() { // expired: never use it
			show(update, (now-update.GetCaptureNs())/1e6)
		}
		err = stream.Send(&edgev1.CreditRequest{Step: &edgev1.CreditRequest_ReadCount{ReadCount: read}})
	}
	log.Fatal(err)
}

func show(update *edgev1.Update, ageMs int64) {
	if scene := update.GetScene(); scene != nil {
		fmt.Printf("%d ms old: %d road users\n", ageMs, len(scene.GetRoadUsers()))
	}
	if signals := update.GetSignals(); signals.GetWithdrawn() {
		fmt.Printf("%d ms old: signals withdrawn\n", ageMs)
	} else if signals != nil {
		for _, group := range signals.GetGroups() {
			fmt.Printf("%d %s  ", group.GetSignalGroup(), group.GetState())
		}
		fmt.Println()
	}
}
