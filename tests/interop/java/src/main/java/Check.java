import com.billbroker.v1.BatchGetSessionsRequest;
import com.billbroker.v1.GetSessionRequest;
import com.billbroker.v1.GetStatusRequest;
import com.billbroker.v1.SessionOutcome;
import com.billbroker.v1.SessionServiceGrpc;
import com.google.protobuf.Any;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorInfo;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.protobuf.StatusProto;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Reads errors of a real broker with StatusProto. Arguments: its socket, a stranger's socket. */
public final class Check {
  private static final EpollEventLoopGroup THREADS = new EpollEventLoopGroup(1);

  private static SessionServiceGrpc.SessionServiceBlockingStub connect(String socket) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket))
            .eventLoopGroup(THREADS)
            .channelType(EpollDomainSocketChannel.class)
            .usePlaintext()
            .build();
    return SessionServiceGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  private static void expect(Object got, Object want) {
    if (!got.equals(want)) throw new AssertionError("got " + got + ", want " + want);
  }

  /** Runs a call that fails with an ErrorInfo of this reason and returns its metadata. */
  private static Map<String, String> expectError(Runnable call, Status.Code code, String reason)
      throws Exception {
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      expect(error.getStatus().getCode(), code);
      for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
        if (!detail.is(ErrorInfo.class)) continue;
        ErrorInfo info = detail.unpack(ErrorInfo.class);
        expect(info.getDomain(), "billbroker");
        expect(info.getReason(), reason);
        return info.getMetadataMap();
      }
    }
    throw new AssertionError("the call did not fail with an ErrorInfo");
  }

  private static void check(String[] args) throws Exception {
    var stranger = connect(args[1]);
    expectError(
        () -> stranger.getStatus(GetStatusRequest.getDefaultInstance()),
        Status.Code.UNAUTHENTICATED,
        "CALLER_UNKNOWN");

    var broker = connect(args[0]);
    var malformed = GetSessionRequest.newBuilder().setOrganizationId("not valid").build();
    var metadata = Map.of("field", "organization_id");
    expect(
        expectError(
            () -> broker.getSession(malformed),
            Status.Code.INVALID_ARGUMENT,
            "MALFORMED_REQUEST"),
        metadata);

    var batch = BatchGetSessionsRequest.newBuilder().addRequests(malformed).build();
    String json = JsonFormat.printer().print(broker.batchGetSessions(batch).getOutcomes(0));
    var outcome = SessionOutcome.newBuilder();
    JsonFormat.parser().merge(json, outcome);
    expect(outcome.getError().getReason(), "MALFORMED_REQUEST");
    expect(outcome.getError().getMetadataMap(), metadata);
  }

  public static void main(String[] args) {
    try {
      check(args);
    } catch (Exception | AssertionError error) {
      error.printStackTrace();
      System.exit(1);
    }
    System.exit(0);
  }
}
