import json, sys, uuid, zmq

socket = zmq.Context().socket(zmq.REQ)
socket.connect(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:51520")
header = {"packet_type": "RUN", "cookie": str(uuid.uuid4()), "pipeline": "shout"}
socket.send_multipart([json.dumps(header).encode(), b'{"text": "hello, fabric"}'])
header, payload = socket.recv_multipart()
print(json.loads(payload) if json.loads(header)["rc"] == "OK" else header.decode())
