// A client for the test store (MinIO): makes a bucket and its two users, puts objects, lists them.
// The address and the owner's keys come from STORE_ENDPOINT, STORE_ACCESS_KEY and STORE_SECRET_KEY.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const usage = `usage: store bucket NAME            make it, unless it is there
       store user KEY SECRET POLICY  make it, with readonly or readwrite
       store put FILE BUCKET KEY     unless an object of that size and name is there
       store list BUCKET             key, size and time of each object`

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "store:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	address := os.Getenv("STORE_ENDPOINT")
	keys := credentials.NewStaticV4(os.Getenv("STORE_ACCESS_KEY"), os.Getenv("STORE_SECRET_KEY"), "")
	client, err := minio.New(address, &minio.Options{Creds: keys, Region: "us-east-1"})
	if err != nil {
		return err
	}
	switch {
	case len(args) == 2 && args[0] == "bucket":
		return bucket(ctx, client, args[1])
	case len(args) == 4 && args[0] == "user":
		admin, err := madmin.NewWithOptions(address, &madmin.Options{Creds: keys})
		if err != nil {
			return err
		}
		return user(ctx, admin, args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "put":
		return put(ctx, client, args[1], args[2], args[3])
	case len(args) == 2 && args[0] == "list":
		return list(ctx, client, args[1])
	}
	return errors.New(usage)
}

func bucket(ctx context.Context, client *minio.Client, name string) error {
	// The first call after a start: the server may still be opening its drive.
	var err error
	for range 60 {
		var there bool
		if there, err = client.BucketExists(ctx, name); err == nil {
			if there {
				return nil
			}
			if err = client.MakeBucket(ctx, name, minio.MakeBucketOptions{}); err == nil {
				return nil
			}
		}
		time.Sleep(500 * time.Millisecond)
	}
	return err
}

func user(ctx context.Context, admin *madmin.AdminClient, key, secret, policy string) error {
	if err := admin.AddUser(ctx, key, secret); err != nil {
		return err
	}
	_, err := admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{User: key, Policies: []string{policy}})
	// A second run finds the policy attached.
	if madmin.ToErrorResponse(err).Code == "XMinioAdminPolicyChangeAlreadyApplied" {
		return nil
	}
	return err
}

func put(ctx context.Context, client *minio.Client, file, bucket, key string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if there, err := client.StatObject(ctx, bucket, key, minio.StatObjectOptions{}); err == nil && there.Size == info.Size() {
		return nil
	}
	_, err = client.FPutObject(ctx, bucket, key, file, minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return err
}

func list(ctx context.Context, client *minio.Client, bucket string) error {
	for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return object.Err
		}
		fmt.Printf("%12d  %s  %s\n", object.Size, object.LastModified.Format(time.RFC3339), object.Key)
	}
	return nil
}
