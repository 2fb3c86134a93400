import json, sys, uuid, zmq

socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:51520")
header = {"packet_type": "RUN", "cookie": str(uuid.uuid4()), "pipeline": "shout"}
variables = {"text": "hello, fabric"}
socket.send_multipart([json.dumps(header).encode(), json.dumps(variables).encode()])
header, payload = socket.recv_multipart()
header = json.loads(header)
print(json.loads(payload) if header["rc"] == "OK" else header["error"])
