// Reads errors of a real broker with google-gax. Arguments: the folder of the protos, the broker's
// socket, a stranger's socket.
'use strict';

const assert = require('node:assert/strict');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const {GoogleError} = require('google-gax');

const [protos, socket, strangerSocket] = process.argv.slice(2);
const definition = protoLoader.loadSync('billbroker/v1/session.proto', {includeDirs: [protos]});
const {SessionService} = grpc.loadPackageDefinition(definition).billbroker.v1;

function call(path, method, request) {
  const client = new SessionService(`unix:${path}`, grpc.credentials.createInsecure());
  return new Promise((resolve, reject) => {
    client[method](request, {deadline: Date.now() + 10_000}, (error, response) => {
      client.close();
      error ? reject(error) : resolve(response);
    });
  });
}

async function expectError(path, method, request, want) {
  const error = await call(path, method, request).then(
    () => assert.fail(`${method} did not fail`),
    (failure) => GoogleError.parseGRPCStatusDetails(failure));
  const {code, domain, reason, errorInfoMetadata} = error;
  assert.deepEqual({code, domain, reason, metadata: {...errorInfoMetadata}}, want);
}

async function main() {
  // Each call has a connection of its own, which the broker answers without gRPC and closes.
  for (let calls = 0; calls < 20; calls++) {
    await expectError(strangerSocket, 'GetStatus', {}, {
      code: grpc.status.UNAUTHENTICATED, domain: 'billbroker', reason: 'CALLER_UNKNOWN',
      metadata: {uid: `${process.getuid()}`}});
  }
  const malformed = {organizationId: 'not valid'};
  const metadata = {field: 'organization_id'};
  await expectError(socket, 'GetSession', malformed, {
    code: grpc.status.INVALID_ARGUMENT, domain: 'billbroker', reason: 'MALFORMED_REQUEST', metadata});
  const batch = await call(socket, 'BatchGetSessions', {requests: [malformed]});
  const {error} = JSON.parse(JSON.stringify(batch.outcomes[0]));
  assert.equal(error.reason, 'MALFORMED_REQUEST');
  assert.deepEqual(error.metadata, metadata);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
